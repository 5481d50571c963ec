"""Reports of a rig: JUnit XML for machines, CSV for figures, one HTML page for people."""
