"""A microcontroller that lights LEDs by the camera's exposure-active line; README.md gives its bytes."""
