"""A network camera on a loopback port: RTSP 1.0 (RFC 2326) over TCP, pictures interleaved as RTP/JPEG. Simulated.

One client at a time. `expose` sends a picture; `unplug` cuts the connection and refuses others until `plug`.
"""

import base64
import contextlib
import socket
import threading

import numpy as np
from numpy.typing import NDArray

from hil.emulator.rtp_jpeg import CLOCK_HZ, packets, picture

_LONGEST_REQUEST = 8192
_FRAME_TICKS = CLOCK_HZ // 25
_DESCRIPTION = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:video\r\n"


class RtspCameraServer:
    """`user` and `password` are asked for by Basic when given. `size` is (width, height)."""

    def __init__(self, *, size: tuple[int, int] = (320, 240), user: str = "", password: str = "") -> None:
        self.size = size
        self._known = base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/stream"
        self.requests: list[str] = []
        self.plugged = True
        self._client: socket.socket | None = None
        self._playing = threading.Event()
        self._sending = threading.Lock()
        self._sequence = self._stamp = 0
        self._thread = threading.Thread(target=self._serve, name="rtsp camera")
        self._thread.start()

    # --- the stage --------------------------------------------------------------------------------------------

    def expose(self, image_bgr: NDArray[np.uint8]) -> bool:
        """Send one picture; False when nobody is watching."""
        if not self._playing.is_set():
            return False
        width, height = self.size
        self._stamp += _FRAME_TICKS
        parts = packets(picture(image_bgr), width=width, height=height, sequence=self._sequence, stamp=self._stamp)
        self._sequence += len(parts)
        return self.send(b"".join(b"$\0" + len(part).to_bytes(2, "big") + part for part in parts))

    def send(self, data: bytes) -> bool:
        """Any bytes at all, after what was agreed."""
        client = self._client
        if client is None:
            return False
        try:
            with self._sending:
                client.sendall(data)
        except OSError:
            return False
        return True

    def unplug(self) -> None:
        """Cut, and answer nobody."""
        self.plugged = False
        self._hang_up()

    def plug(self) -> None:
        """Answer again."""
        self.plugged = True

    def close(self) -> None:
        """End it."""
        self.plugged = False
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._hang_up()
        self._thread.join()

    def _hang_up(self) -> None:
        self._playing.clear()
        client = self._client
        if client is not None:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    # --- the protocol -----------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.plugged:
                self._client = client
                with contextlib.suppress(OSError):
                    self._converse(client)
                self._client = None
                self._playing.clear()
            client.close()

    def _converse(self, client: socket.socket) -> None:
        buffer = b""
        while len(buffer) < _LONGEST_REQUEST:
            head, found, rest = buffer.partition(b"\r\n\r\n")
            if not found:
                data = client.recv(4096)
                if not data:
                    return
                buffer += data
                # Receiver reports come interleaved; nobody needs them here.
                while buffer[:1] == b"$" and len(buffer) >= 4:
                    buffer = buffer[4 + int.from_bytes(buffer[2:4], "big") :]
                continue
            buffer = rest
            if not self._answer(client, head.decode("latin-1")):
                return

    def _answer(self, client: socket.socket, request: str) -> bool:
        first, *lines = request.split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method = first.split(" ", 1)[0]
        self.requests.append(method)
        status, more, body = "200 OK", "Session: 1\r\n", b""
        if self._known and method != "OPTIONS" and fields.get("authorization") != f"Basic {self._known}":
            status, more = "401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"\r\n'
        elif method == "OPTIONS":
            more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
        elif method == "DESCRIBE":
            body = (
                b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:video\r\n"
            )
            more = f"Content-Type: application/sdp\r\nContent-Base: {self.url}/\r\n"
        elif method == "SETUP":
            more += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        answer = f"RTSP/1.0 {status}\r\nCSeq: {fields.get('cseq', '0')}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
        with self._sending:
            client.sendall(answer.encode() + body)
        if method == "PLAY" and status == "200 OK":
            self._playing.set()
        return method != "TEARDOWN"
