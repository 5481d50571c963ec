"""ISO/IEC 19795-1 figures of a matcher pack on a data set of images (`appliance evaluate faces`)."""
