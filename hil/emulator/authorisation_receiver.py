"""What acts on authorisations, on a loopback port or a Unix socket: the reference for whoever writes a real one.

Simulated: nothing is opened or sold. `taken` lists what was acted on, in order.
"""

import contextlib
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from drivers.gate.authorisation.token import Authorisation, NotAuthorised, Receiver

_LONGEST = 8192
_SILENT_S = 3.0


class ReceiverServer:
    """`with ReceiverServer(receiver) as server:` listens at `server.url`; `socket` makes it a Unix socket.

    Faults: `silent` takes a request and says nothing, `loses_answers` acts and says nothing, `answer` says something
    else instead (status, content), `audience` is whom it says it acts for.
    """

    def __init__(self, receiver: Receiver, *, audience: str, socket: Path | None = None) -> None:
        self.taken: list[Authorisation] = []
        self.refused: list[str] = []
        self.silent = False
        self.loses_answers = False
        self.answer: tuple[int, bytes] | None = None
        self.audience = audience
        self._receiver = receiver
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._server = _listen(self, socket)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="receiver")
        server = self._server
        here = f"http://127.0.0.1:{server.server_port}/authorise" if isinstance(server, ThreadingHTTPServer) else ""
        self.url = here or f"unix:{socket}"

    def __enter__(self) -> "ReceiverServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def act(self, question: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to one request; None when it is lost."""
        if self.silent:
            self._ending.wait(_SILENT_S)
            return None
        if "authorisation" not in question:
            return {"audience": self.audience}
        try:
            with self._lock:
                given = self._receiver.take(str(question["authorisation"]))
                self.taken.append(given)
        except NotAuthorised as error:
            self.refused.append(str(error))
            return {"taken": False, "release": question.get("release"), "reason": str(error)}
        return None if self.loses_answers else {"taken": True, "release": given.release_id}


def _listen(owner: ReceiverServer, socket: Path | None) -> socketserver.BaseServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            try:
                question = json.loads(self.rfile.read(min(length, _LONGEST)))
            except ValueError:
                question = {}
            told = owner.act(question if isinstance(question, dict) else {})
            if told is None:
                return
            status, content = owner.answer or (200, json.dumps(told).encode())
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """The rig has a log of its own."""

    if socket is None:
        return ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    class UnixServer(socketserver.ThreadingUnixStreamServer):
        def get_request(self) -> tuple[Any, Any]:
            # The handler wants to print an address.
            return super().get_request()[0], ("local", 0)

    return UnixServer(str(socket), Handler)
