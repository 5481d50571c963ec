"""A network camera on a loopback port: RTSP 1.0 (RFC 2326) over TCP, pictures interleaved as RTP/JPEG. Simulated.

`RequestReader` and `Conversation` are bytes in, bytes out; only `RtspServer` has a socket and a thread. Faults are
switched on by name. Not here: pictures as packets (rtp_jpeg), UDP, more than one client at a time.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from hil.emulator.rtp_jpeg import CLOCK_HZ, packets, picture

LONGEST_HEAD, MOST_FIELDS, LONGEST_BODY = 8192, 64, 4096
_REALM = "camera"
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
_DESCRIPTION = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:video\r\n"
_BACKWARDS_TICKS = 10 * CLOCK_HZ


class Refusal(Exception):
    """A request that is answered by this status (RFC 2326, 7.1.1) and ends the connection."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; the names of `fields` are in small letters."""

    method: str
    url: str
    fields: dict[str, str]
    body: bytes = b""


class RequestReader:
    """Bytes in, requests out. Holds at most one packet or one request, whatever a client sends."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """What came from the client, in pieces of any size."""
        self._buffer += data

    def take(self) -> Request | None:
        """The next whole request, or None. Raises Refusal."""
        self._pass_over()
        if self._buffer[:1] == b"$":
            return None
        end = self._buffer.find(b"\r\n\r\n")
        if max(end, len(self._buffer) if end < 0 else 0) > LONGEST_HEAD:
            raise Refusal("400 Bad Request")
        if end < 0:
            return None
        request = _parsed(bytes(self._buffer[:end]))
        length = request.fields.get("content-length", "0")
        if not re.fullmatch(r"[0-9]{1,9}", length):
            raise Refusal("400 Bad Request")
        if int(length) > LONGEST_BODY:
            raise Refusal("413 Request Entity Too Large")
        whole = end + 4 + int(length)
        if len(self._buffer) < whole:
            return None
        body = bytes(self._buffer[end + 4 : whole])
        del self._buffer[:whole]
        return Request(request.method, request.url, request.fields, body)

    def _pass_over(self) -> None:
        """Empty lines, and packets a client interleaves (10.12): its receiver reports, which nobody needs here."""
        while self._buffer and self._buffer[0] in b"$\r\n":
            size = 1
            if self._buffer[0] == ord("$"):
                size = 4 + int.from_bytes(self._buffer[2:4], "big")
            if len(self._buffer) < size:
                return
            del self._buffer[:size]


def _parsed(head: bytes) -> Request:
    if re.search(rb"[^\t\r\n\x20-\x7e]", head):
        raise Refusal("400 Bad Request")
    first, *lines = head.decode("ascii").split("\r\n")
    found = re.fullmatch(r"([A-Z_]{1,32}) (\S+) (RTSP/[0-9]\.[0-9])", first)
    if found is None or len(lines) > MOST_FIELDS:
        raise Refusal("400 Bad Request")
    if found[3] != "RTSP/1.0":
        raise Refusal("505 RTSP Version Not Supported")
    fields: dict[str, str] = {}
    for line in lines:
        field = re.fullmatch(r"([A-Za-z0-9-]+):[ \t]*([^\r\n]*)", line)
        # Two of one name can be understood in two ways.
        if field is None or field[1].lower() in fields:
            raise Refusal("400 Bad Request")
        fields[field[1].lower()] = field[2].strip()
    if not re.fullmatch(r"[0-9]{1,9}", fields.get("cseq", "")):
        raise Refusal("400 Bad Request")
    return Request(found[1], found[2], fields)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may watch. `scheme` is "Basic" or "Digest" (RFC 2617, MD5 without qop, as most cameras have it)."""

    user: str
    password: str
    scheme: str = "Digest"

    def challenge(self, nonce: str) -> str:
        """The WWW-Authenticate field."""
        return f'{self.scheme} realm="{_REALM}"' + (f', nonce="{nonce}"' if self.scheme == "Digest" else "")

    def admits(self, request: Request, nonce: str, realm: str = _REALM) -> bool:
        """Whether the Authorization field proves user and password for this very request."""
        given = request.fields.get("authorization", "")
        if self.scheme == "Basic":
            known = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            return hmac.compare_digest(given, f"Basic {known}")
        told = dict(re.findall(r'(\w+)="([^"]*)"', given))
        if not given.startswith("Digest ") or told.get("nonce") != nonce or told.get("uri") != request.url:
            return False
        who = _md5(f"{self.user}:{realm}:{self.password}")
        proof = _md5(f"{who}:{nonce}:{_md5(f'{request.method}:{request.url}')}")
        return told.get("username") == self.user and hmac.compare_digest(told.get("response", ""), proof)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Conversation:
    """One client's way through the states of RFC 2326, A.2: set up, play, tear down. Bytes out only."""

    def __init__(self, path: str = "/stream", access: Access | None = None, *, refuses: bool = False) -> None:
        self._path, self._access, self._refuses = path, access, refuses
        self._nonce, self._session = secrets.token_hex(16), secrets.token_hex(8)
        self._ready = False
        self.playing = False
        self.ended = False

    def answer(self, request: Request) -> bytes:
        """The answer to a request; `playing` and `ended` follow it."""
        status, fields, body = self._judged(request)
        lines = [f"RTSP/1.0 {status}", f"CSeq: {request.fields['cseq']}", *fields, f"Content-Length: {len(body)}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + body

    def _judged(self, request: Request) -> tuple[str, list[str], bytes]:
        if request.method == "OPTIONS":
            return "200 OK", [f"Public: {_METHODS}"], b""
        if request.method not in _METHODS.split(", "):
            return "501 Not Implemented", [], b""
        if self._refuses or (self._access is not None and not self._access.admits(request, self._nonce)):
            challenge = (self._access or Access("", "")).challenge(self._nonce)
            return "401 Unauthorized", [f"WWW-Authenticate: {challenge}"], b""
        if urlsplit(request.url).path.rstrip("/") not in (self._path, f"{self._path}/video"):
            return "404 Not Found", [], b""
        if request.method == "DESCRIBE":
            base = request.url.rstrip("/")
            return "200 OK", ["Content-Type: application/sdp", f"Content-Base: {base}/"], _DESCRIPTION
        if request.method == "SETUP":
            return self._set_up(request.fields.get("transport", ""))
        if not self._ready:
            return "455 Method Not Valid in This State", [], b""
        if request.fields.get("session", "").partition(";")[0] != self._session:
            return "454 Session Not Found", [], b""
        self.playing = (self.playing or request.method == "PLAY") and request.method != "TEARDOWN"
        self.ended = request.method == "TEARDOWN"
        return "200 OK", [f"Session: {self._session}"], b""

    def _set_up(self, transport: str) -> tuple[str, list[str], bytes]:
        if not transport.startswith("RTP/AVP/TCP"):
            return "461 Unsupported Transport", [], b""
        self._ready = True
        return "200 OK", ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", f"Session: {self._session}"], b""


class Fault(StrEnum):
    """What a camera can do wrong, apart from being unplugged."""

    NONE = "none"
    SILENT = "silent"
    GARBAGE = "garbage"
    FROZEN = "frozen"
    REPEATED = "repeated"
    BACKWARDS = "backwards"
    REFUSES = "refuses"
    ENDLESS = "endless"


class RtspServer:
    """A camera with pictures of `size` (width, height), multiples of 16.

    `expose` sends a picture; `unplug` cuts the connection and refuses others until `plug`. `fault` may be changed at
    any time. With REPEATED a picture has the time of the one before it, with BACKWARDS its time is ten seconds back.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] = (320, 240),
        access: Access | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.size, self.fault, self.plugged = size, Fault.NONE, True
        self.requests: list[str] = []
        self._access, self._monotonic = access, monotonic
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/stream"
        self._client: socket.socket | None = None
        self._playing = threading.Event()
        self._sending = threading.Lock()
        self._sequence = self._stamp = 0
        self._frozen: NDArray[np.uint8] | None = None
        self._thread = threading.Thread(target=self._serve, name="rtsp camera")
        self._thread.start()

    # --- the stage --------------------------------------------------------------------------------------------

    def expose(self, image_bgr: NDArray[np.uint8]) -> bool:
        """Send one picture, (height, width, 3); False when nothing was sent."""
        if not self._playing.is_set() or self.fault is Fault.SILENT:
            return False
        if self.fault is Fault.GARBAGE:
            return self.send(os.urandom(2000))
        if self.fault is not Fault.FROZEN or self._frozen is None:
            self._frozen = image_bgr
        if self.fault is Fault.BACKWARDS:
            self._stamp -= _BACKWARDS_TICKS
        elif self.fault is not Fault.REPEATED:
            self._stamp = max(self._stamp + 1, int(self._monotonic() * CLOCK_HZ))
        width, height = self.size
        parts = packets(picture(self._frozen), width=width, height=height, sequence=self._sequence, stamp=self._stamp)
        self._sequence += len(parts)
        return self.send(b"".join(b"$\0" + len(part).to_bytes(2, "big") + part for part in parts))

    def send(self, data: bytes) -> bool:
        """Any bytes at all, after what was agreed; False when nobody takes them."""
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

    # --- the socket -------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                self._client = client
                if self.plugged:
                    self._converse(client)
            self._client = None
            self._playing.clear()

    def _converse(self, client: socket.socket) -> None:
        reader = RequestReader()
        conversation = Conversation(access=self._access, refuses=self.fault is Fault.REFUSES)
        while not conversation.ended and (data := client.recv(4096)):
            reader.feed(data)
            try:
                while not conversation.ended and (request := reader.take()) is not None:
                    self.requests.append(request.method)
                    self._tell(client, conversation.answer(request))
                    if conversation.playing:
                        self._playing.set()
            except Refusal as refusal:
                self._tell(client, f"RTSP/1.0 {refusal}\r\nConnection: close\r\n\r\n".encode())
                return

    def _tell(self, client: socket.socket, answer: bytes) -> None:
        with self._sending:
            if self.fault is Fault.ENDLESS:
                client.sendall(b"RTSP/1.0 200 OK\r\n")
            while self.fault is Fault.ENDLESS:
                client.sendall(b"X-Camera: " + b"a" * 1000 + b"\r\n")
            client.sendall(answer)
