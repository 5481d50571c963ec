"""Optional real-time scheduling for the controller: it then answers in time whatever else the machine does.

Linux only. The vision process must not inherit it (`renounce`): a matcher at real-time priority would starve the rest.
It does not cure Python's own lock: a thread of the controller that computes holds its loop up at any priority.
"""

import ctypes
import os
import resource

_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


class NotAllowed(Exception):
    """The system does not grant it; the message says what to grant."""


def claim(priority: int) -> None:
    """Put this thread, and threads and processes begun from now on, on SCHED_FIFO; keep what is touched in memory.

    Raises NotAllowed.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except PermissionError as error:
        limit = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
        raise NotAllowed(
            f"real-time priority {priority} is not granted (limit {limit}): give the controller CAP_SYS_NICE "
            "(systemd: AmbientCapabilities=CAP_SYS_NICE, LimitRTPRIO=), or remove [realtime]"
        ) from error
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) != 0:
        reason = os.strerror(ctypes.get_errno())
        renounce()
        raise NotAllowed(f"memory cannot be locked ({reason}): raise LimitMEMLOCK=, or remove [realtime]")


def renounce() -> None:
    """Back to ordinary scheduling: always granted."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
