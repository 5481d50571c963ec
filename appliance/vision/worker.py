"""The vision process, `python -m appliance.vision.worker FD`: request, reply, in order, until the socket closes.

Not responsible for what is done on request (`operations`).
"""

import signal
import socket
import sys
from collections.abc import Callable

import cv2

from appliance import realtime
from appliance.vision.operations import Refused, Worker
from appliance.wire import Message, receive_blocking, send_blocking
from drivers.errors import DriverError

OPERATIONS = (
    *(
        "setup",
        "cameras",
        "compare_with",
        "health",
        "preview",
        "enrol",
        "refer_to",
        "locate",
        "burst",
        "more",
        "meter",
        "align",
        "expose",
    ),
    *("reading", "analyse", "shadow", "stills", "forget", "frames", "look"),
)


def serve(sock: socket.socket, worker: Worker) -> None:
    """Answer requests until the other end closes."""
    operations: dict[str, Callable[[Message], Message]] = {name: getattr(worker, name) for name in OPERATIONS}
    while (request := receive_blocking(sock)) is not None:
        operation = operations.get(str(request.header.get("op")))
        if operation not in (worker.analyse, worker.more):
            worker.settle()
        reply = _reply(operation, request)
        send_blocking(sock, Message({"id": request.header.get("id"), **reply.header}, reply.blobs))


def _reply(operation: Callable[[Message], Message] | None, request: Message) -> Message:
    def failed(kind: str, message: str, device: str = "vision") -> Message:
        return Message({"error": {"kind": kind, "device": device, "message": message}})

    if operation is None:
        return failed("Unknown", f"there is no operation {request.header.get('op')!r}")
    try:
        return operation(request)
    except DriverError as error:
        return failed(type(error).__name__, error.message, error.device)
    except Refused as error:
        return failed("Refused", str(error))


def main(arguments: list[str]) -> None:
    """Entry of the child: the number of an inherited socket is its only argument."""
    # The terminal's Ctrl-C goes to the whole group; this child ends when its controller closes the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    realtime.renounce()
    cv2.setNumThreads(1)
    worker = Worker()
    with socket.socket(fileno=int(arguments[0])) as sock:
        try:
            serve(sock, worker)
        except BrokenPipeError:
            return
        finally:
            worker.end()


if __name__ == "__main__":
    main(sys.argv[1:])
