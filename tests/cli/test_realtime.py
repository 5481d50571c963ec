"""Real-time scheduling: claimed when granted, refused in words when not, never left to the vision process."""

import os
import subprocess
import sys

import pytest

from appliance import realtime

_CLAIM = """
import os
from appliance import realtime
realtime.claim(7)
assert os.sched_getscheduler(0) == os.SCHED_FIFO and os.sched_getparam(0).sched_priority == 7
realtime.renounce()
assert os.sched_getscheduler(0) == os.SCHED_OTHER
print("done")
"""
_NOBODY = """
import os, resource
from appliance import realtime
resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    realtime.claim(7)
except realtime.NotAllowed as error:
    print(error)
"""


def granted() -> bool:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return False
    realtime.renounce()
    return True


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(not granted(), reason="this machine grants no real-time priority")
def test_it_is_claimed_and_given_back() -> None:
    assert python(_CLAIM).stdout.strip() == "done"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who is granted nothing")
def test_a_system_that_grants_nothing_is_told_what_to_grant() -> None:
    told = python(_NOBODY).stdout
    assert "real-time priority 7 is not granted (limit 0)" in told
    assert "CAP_SYS_NICE" in told


def test_the_vision_process_gives_it_back_first(monkeypatch: pytest.MonkeyPatch) -> None:
    from appliance.vision import worker

    def stop() -> None:
        raise StopIteration

    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    monkeypatch.setattr(realtime, "renounce", stop)
    with pytest.raises(StopIteration):
        worker.main(["0"])
