"""The matcher side by side with deepface and face_recognition: the same pairs of images, one library after the other.

`make bench-peers` installs the two into an environment of their own; neither is ever part of the appliance. Each child
(`asked`) answers pairs as its library's own documentation has it: from two files to a verdict, at its own threshold.
"""
