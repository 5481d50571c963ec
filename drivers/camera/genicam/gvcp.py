"""One question to a GigE Vision camera, past Aravis, which asks five times for 0.5 s before it gives up.

Source: GigE Vision 1.2 (GVCP, control channel privilege register), in the form Aravis 0.8.26 sends it.
"""

import socket
import struct

PORT = 3956
TRIES, WAIT_S = 3, 0.1
_KEY, _ACK_WANTED = 0x42, 0x01
_READMEM, _READMEM_ACK = 0x0084, 0x0085
_PRIVILEGE = 0x0A00
_CONTROL_OR_EXCLUSIVE = 0b11
_ACCESS_DENIED = 0x8006
_REQUEST = 1
# READREG of this register would do, but to Aravis' fake it is the heartbeat of whoever controls the camera.
_QUESTION = struct.pack(">BBHHHIHH", _KEY, _ACK_WANTED, _READMEM, 8, _REQUEST, _PRIVILEGE, 0, 4)
_HEAD = struct.Struct(">HHHH")
_VALUE = struct.Struct(">II")


def controlled(address: str, port: int = PORT) -> bool | None:
    """Whether some program controls the camera at this IPv4 address; None: it is silent, for 0.3 s at most.

    Whoever does not control a camera may read it too, unless it is controlled exclusively.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.settimeout(WAIT_S)
            line.connect((address, port))
            for _ in range(TRIES):
                line.send(_QUESTION)
                try:
                    told = _told(line.recv(1024))
                except TimeoutError:
                    continue
                if told is not None:
                    return told
    except OSError:
        # No such host, no route, nobody on the port.
        return None
    return None


def _told(reply: bytes) -> bool | None:
    """What a datagram answers; None: it is no answer to this question."""
    if len(reply) < _HEAD.size:
        return None
    status, command, _, request = _HEAD.unpack_from(reply)
    if (command, request) != (_READMEM_ACK, _REQUEST):
        return None
    if status != 0:
        # It is there. Only the exclusive privilege denies reading; any other error tells nothing of who controls it.
        return bool(status == _ACCESS_DENIED)
    if len(reply) < _HEAD.size + _VALUE.size:
        return None
    place, value = _VALUE.unpack_from(reply, _HEAD.size)
    return bool(value & _CONTROL_OR_EXCLUSIVE) if place == _PRIVILEGE else None
