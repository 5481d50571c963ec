"""The emulated network camera: its requests, its conversation, its packets."""

import numpy as np
import pytest

from hil.emulator.rtp_jpeg import packets, picture
from hil.emulator.rtsp_server import (
    LONGEST_BODY,
    LONGEST_HEAD,
    MOST_FIELDS,
    Access,
    Conversation,
    Refusal,
    Request,
    RequestReader,
)
from hil.emulator.v4l2_device import coarse_noise

OPTIONS = b"OPTIONS rtsp://h/stream RTSP/1.0\r\nCSeq: 1\r\n\r\n"


def requests_in(*pieces: bytes) -> list[Request]:
    reader, found = RequestReader(), []
    for piece in pieces:
        reader.feed(piece)
        while (request := reader.take()) is not None:
            found.append(request)
    return found


def test_requests_whole_byte_by_byte_and_between_packets() -> None:
    body = b"GET_PARAMETER rtsp://h/stream RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\n$\0\r\nx"
    stream = b"\r\n$\0\0\x03a\r\n" + OPTIONS + b"$\x01\0\0" + body + OPTIONS
    whole = requests_in(stream)
    assert [(one.method, one.fields["cseq"], one.body) for one in whole] == [
        ("OPTIONS", "1", b""),
        ("GET_PARAMETER", "2", b"$\0\r\nx"),
        ("OPTIONS", "1", b""),
    ]
    assert requests_in(*(bytes((byte,)) for byte in stream)) == whole


@pytest.mark.parametrize(
    ("hostile", "status"),
    [
        (b"A" * (LONGEST_HEAD + 1), "400"),
        (OPTIONS[:-2] + b"X: " + b"a" * LONGEST_HEAD + b"\r\n\r\n", "400"),
        (OPTIONS[:-2] + b"".join(b"X%d: 1\r\n" % n for n in range(MOST_FIELDS)) + b"\r\n", "400"),
        (OPTIONS[:-2] + b"Content-Length: %d\r\n\r\n" % (LONGEST_BODY + 1), "413"),
        (OPTIONS[:-2] + b"Content-Length: -1\r\n\r\n", "400"),
        (OPTIONS[:-2] + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"),
        (OPTIONS[:-2] + b"no colon\r\n\r\n", "400"),
        (OPTIONS[:-2] + b"X: \0\r\n\r\n", "400"),
        (OPTIONS[:-2] + b"X: a\nY: b\r\n\r\n", "400"),
        (OPTIONS.replace(b"CSeq: 1", b"CSeq: one"), "400"),
        (OPTIONS.replace(b"CSeq: 1\r\n", b""), "400"),
        (OPTIONS.replace(b"RTSP/1.0", b"RTSP/2.0"), "505"),
        (OPTIONS.replace(b"RTSP/1.0", b"HTTP/1.1"), "400"),
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "400"),
        ("OPTIONS rtsp://h/ä RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode(), "400"),
    ],
)
def test_hostile_requests_are_refused(hostile: bytes, status: str) -> None:
    with pytest.raises(Refusal, match=status):
        requests_in(hostile)


def request(method: str, path: str = "/stream", **fields: str) -> Request:
    return Request(method, f"rtsp://h{path}", {"cseq": "7", **fields})


def status_of(answer: bytes) -> str:
    assert b"\r\nCSeq: 7\r\n" in answer
    return answer.decode().split(" ", 2)[1]


def test_a_conversation_goes_its_way_and_no_other() -> None:
    talk = Conversation()
    assert status_of(talk.answer(request("OPTIONS"))) == "200"
    assert b"m=video 0 RTP/AVP 26" in talk.answer(request("DESCRIBE"))
    assert status_of(talk.answer(request("PLAY"))) == "455"
    assert status_of(talk.answer(request("DESCRIBE", "/other"))) == "404"
    assert status_of(talk.answer(request("RECORD"))) == "501"
    assert (
        status_of(talk.answer(request("SETUP", "/stream/video", transport="RTP/AVP;unicast;client_port=5-6"))) == "461"
    )
    answer = talk.answer(request("SETUP", "/stream/video", transport="RTP/AVP/TCP;unicast;interleaved=0-1"))
    session = answer.decode().partition("Session: ")[2].split("\r\n")[0]
    assert status_of(talk.answer(request("PLAY", session="another"))) == "454"
    states = [(talk.playing, talk.ended)]
    for method in ("PLAY", "GET_PARAMETER", "TEARDOWN"):
        assert status_of(talk.answer(request(method, session=session))) == "200"
        states.append((talk.playing, talk.ended))
    assert states == [(False, False), (True, False), (True, False), (False, True)]


def test_digest_is_that_of_the_standard_and_proves_one_request() -> None:
    # RFC 2069, 2.4, with the value its erratum 749 gives.
    access = Access("Mufasa", "CircleOfLife", "Digest")
    proved = (
        'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'uri="/dir/index.html", response="1949323746fe6a43ef61f9606e7febea"'
    )
    asked = Request("GET", "/dir/index.html", {"authorization": proved})
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    assert access.admits(asked, nonce, "testrealm@host.com")
    for wrong in (
        (Access("Mufasa", "other"), asked, nonce),
        (Access("Scar", "CircleOfLife"), asked, nonce),
        (access, asked, "another"),
        (access, Request("PLAY", asked.url, asked.fields), nonce),
        (access, Request("GET", "/other", asked.fields), nonce),
        (access, Request("GET", asked.url, {}), nonce),
    ):
        assert not wrong[0].admits(wrong[1], wrong[2], "testrealm@host.com")


def test_packets_are_those_of_the_standard() -> None:
    """RFC 2435, 3.1 and 4.2; RFC 3550, 5.1."""
    image = coarse_noise(3, 64, 48)
    jpeg = picture(image)
    parts = packets(jpeg, width=64, height=48, sequence=65535, stamp=90_000)
    assert [int.from_bytes(part[2:4], "big") for part in parts] == [(65535 + n) & 0xFFFF for n in range(len(parts))]
    first = parts[0]
    assert first[0] == 0x80
    assert first[1] & 0x7F == 26
    assert int.from_bytes(first[4:8], "big") == 90_000
    assert first[12:20] == bytes((0, 0, 0, 0, 1, 255, 8, 6))
    assert first[20:24] == bytes((0, 0, 0, 128)), "two quantisation tables of 64"
    assert [bool(part[1] & 0x80) for part in parts] == [False] * (len(parts) - 1) + [True]
    with pytest.raises(ValueError, match="multiples of 16"):
        picture(np.zeros((50, 64, 3), np.uint8))
