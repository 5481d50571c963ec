"""The vision process: cameras, face, liveness, in a child of the controller that may crash or hang without harm.

The cameras live here and not in the controller: a driver call that never returns must be killable, and frames are
never copied to the process that owns the doors.
"""
