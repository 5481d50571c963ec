"""The framing of our local sockets, from both of its ends and with everything that may be wrong in it."""

import asyncio
import contextlib
import math
import socket
import struct
import threading
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.wire import MAX_BLOB, MAX_BLOBS, MAX_HEADER, Message, WireError, receive, receive_blocking, send_blocking

pytestmark = pytest.mark.anyio

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.builds(
    Message, st.dictionaries(st.text(), JSON, max_size=4), st.lists(st.binary(max_size=300), max_size=4).map(tuple)
)
Take = Callable[[bytes], Awaitable[list[Message | None]]]


async def through_a_stream(data: bytes) -> list[Message | None]:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    found: list[Message | None] = []
    while not found or found[-1] is not None:
        found.append(await receive(reader))
    return found


async def through_a_socket(data: bytes) -> list[Message | None]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5.0)
        sending = threading.Thread(target=lambda: (theirs.sendall(data), theirs.shutdown(socket.SHUT_WR)))
        sending.start()
        try:
            found: list[Message | None] = []
            while not found or found[-1] is not None:
                found.append(receive_blocking(ours))
        finally:
            ours.close()
            sending.join()
        return found


ENDS = pytest.mark.parametrize("take", [through_a_stream, through_a_socket])


def frame(header: bytes, *blobs: bytes) -> bytes:
    parts = [struct.pack(">I", len(header)), header, struct.pack(">I", len(blobs))]
    for blob in blobs:
        parts += [struct.pack(">I", len(blob)), blob]
    return b"".join(parts)


@ENDS
@settings(max_examples=40, deadline=None)
@given(messages=st.lists(MESSAGES, max_size=3))
def test_what_is_sent_arrives(take: Take, messages: list[Message]) -> None:
    data = b"".join(message.encode() for message in messages)
    assert asyncio.run(take(data)) == [*messages, None]  # type: ignore[arg-type]


@ENDS
async def test_the_frame_is_the_one_documented(take: Take) -> None:
    data = frame(b'{"a":1}', b"", b"xyz")
    assert Message({"a": 1}, (b"", b"xyz")).encode() == data
    assert await take(data) == [Message({"a": 1}, (b"", b"xyz")), None]


@ENDS
async def test_a_message_cut_anywhere_is_an_error_and_never_a_shorter_message(take: Take) -> None:
    data = frame(b'{"op":"x"}', b"abc", b"")
    for cut in range(4, len(data)):
        with pytest.raises(WireError, match="inside a message"):
            await take(data[:cut])
    for cut in range(4):
        assert await take(data[:cut]) == [None]


@ENDS
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (struct.pack(">I", MAX_HEADER + 1), "header of"),
        (b"GET / HTTP/1.1\r\n\r\n", "header of"),
        (b"\xff\xff\xff\xff", "header of"),
        (frame(b"{}")[:-4] + struct.pack(">I", MAX_BLOBS + 1), "blob count of"),
        (frame(b"{}")[:-4] + struct.pack(">II", 1, MAX_BLOB + 1), "blob of"),
        (frame(b""), "not JSON"),
        (frame(b"{"), "not JSON"),
        (frame(b"\xff\xfe"), "not JSON"),
        (frame(b"[" * 100_000), "not JSON"),
        (frame(b'{"a":' * 100_000), "not JSON"),
        (frame(b'{"n":' + b"9" * 5000 + b"}"), "not JSON"),
        (frame(b"[]"), "not a JSON object"),
        (frame(b'"text"'), "not a JSON object"),
        (frame(b"null"), "not a JSON object"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
async def test_a_frame_that_is_not_allowed(take: Take, data: bytes, said: str) -> None:
    with pytest.raises(WireError, match=said):
        await take(data)


@ENDS
async def test_the_largest_header_is_still_taken(take: Take) -> None:
    header = b'{"a":"' + b"x" * (MAX_HEADER - 8) + b'"}'
    assert len(header) == MAX_HEADER
    found = await take(frame(header))
    assert found[0] is not None
    assert len(found[0].header["a"]) == MAX_HEADER - 8


async def test_an_end_that_expects_no_blobs_takes_none() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(frame(b"{}", b"surprise"))
    with pytest.raises(WireError, match="blob count of 1"):
        await receive(reader, max_blobs=0)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=60))
def test_noise_after_a_message_spoils_only_itself(data: bytes) -> None:
    """Whatever follows, the message before it stands, and the end is a message, an error or the end of the stream."""

    async def read() -> list[Message | None]:
        reader = asyncio.StreamReader()
        reader.feed_data(frame(b'{"good":1}') + data)
        reader.feed_eof()
        found = [await receive(reader)]
        with contextlib.suppress(WireError):
            while found[-1] is not None:
                found.append(await receive(reader))
        return found

    found = asyncio.run(read())
    assert found[0] == Message({"good": 1})


async def test_the_blocking_end_keeps_the_time_out_of_its_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0.01)
        theirs.sendall(b"\x00\x00")
        with pytest.raises(TimeoutError):
            receive_blocking(ours)


async def test_a_blob_larger_than_the_socket_takes_at_once() -> None:
    ours, theirs = socket.socketpair()
    blob = bytes(range(256)) * 8192
    with ours, theirs:
        sending = threading.Thread(target=send_blocking, args=(theirs, Message({"f": math.pi}, (blob,))))
        sending.start()
        assert receive_blocking(ours) == Message({"f": math.pi}, (blob,))
        sending.join()
