import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.framing import MAX_BODY, MAX_HEADER, Framing, FramingError


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def read(data: bytes, max_body: int = MAX_BODY) -> tuple[list[bytes], list[str]]:
    parts = list(Framing(max_body).feed(data))
    errors = [part.message for part in parts if isinstance(part, FramingError)]
    return [part for part in parts if isinstance(part, bytes)], errors


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: 4\r\n\r\n",
        b"content-length: 4\r\n\r\n",
        b"CONTENT-LENGTH:4\r\n\r\n",
        b"Content-Length: 4\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 4\r\n\r\n",
        b"Content-Length: 4\n\n",
        b"\r\n\r\nContent-Length: 4\r\n\r\n",
    ],
)
def test_reads_every_spelling_of_a_header(header: bytes) -> None:
    assert read(header + b"null" + frame(b"{}")) == ([b"null", b"{}"], [])


@given(bodies=st.lists(st.binary(max_size=50), max_size=5), cuts=st.lists(st.integers(0, 400), max_size=12))
def test_the_cuts_between_reads_do_not_matter(bodies: list[bytes], cuts: list[int]) -> None:
    data = b"".join(map(frame, bodies))
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    framing = Framing()
    got = [part for a, b in pairwise(edges) for part in framing.feed(data[a:b])]
    # An empty body is a frame like any other; leading line ends of a header are not.
    assert got == bodies


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"Content-Length: 100000000000\r\n\r\n", "Content-Length 100000000000 was refused"),
        (b"Content-Length: %s\r\n\r\n" % (b"9" * 3000), "was refused"),
        (b"Content-Length: -5\r\n\r\n", "without a Content-Length"),
        (b"Content-Length: five\r\n\r\n", "without a Content-Length"),
        (b"Content-Type: x\r\n\r\n", "without a Content-Length"),
        (b'{"jsonrpc": "2.0"}\r\n\r\n', "without a Content-Length"),
        (b"x" * (MAX_HEADER + 1), "longer than 8192 bytes"),
    ],
)
def test_a_bad_frame_is_reported_once_and_the_next_one_is_read(data: bytes, error: str) -> None:
    bodies, errors = read(data + frame(b"{}"))
    assert bodies == [b"{}"]
    assert len(errors) == 1
    assert error in errors[0]


def test_what_stands_before_a_header_is_skipped() -> None:
    assert read(b'rest"}' + frame(b"{}")) == ([b"{}"], ["6 bytes before a header were skipped"])


def test_a_body_over_the_limit_is_skipped_whole() -> None:
    # Inside JSON the line ends of a header are escaped, so this is no header.
    body = b'{"text": "Content-Length: 2\\r\\n\\r\\n{}"}' * 3
    bodies, errors = read(frame(body) + frame(b"{}"), max_body=100)
    assert bodies == [b"{}"]
    assert errors == [f"Content-Length {len(body)} was refused: the most is 100 bytes"]


def test_a_claim_costs_no_memory() -> None:
    framing = Framing()
    tracemalloc.start()
    try:
        parts = list(framing.feed(b"Content-Length: %d\r\n\r\n" % MAX_BODY))
        for _ in range(1000):
            parts += framing.feed(b"x")
        waiting = tracemalloc.get_traced_memory()[1]
        framing = Framing()
        parts += framing.feed(b"Content-Length: 100000000000\r\n\r\n")
        for _ in range(100):
            parts += framing.feed(b"x" * 100_000)
        skipping = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(parts) == 1
    assert waiting < 100_000
    assert skipping < 1_000_000


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise_or_stop_reading(data: bytes) -> None:
    framing = Framing(max_body=1000)
    list(framing.feed(data))
    # Whatever was claimed, a thousand bytes of it and a header's length later the next frame is seen.
    list(framing.feed(b"\n\n" + b"x" * (1000 + MAX_HEADER)))
    assert b"{}" in list(framing.feed(frame(b"{}")))
