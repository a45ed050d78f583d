import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from inference.messages import MAX_FRAME, Abort, Chunk, Hello, ProtocolError, encode
from inference.transport import (
    Channel,
    ChannelClosed,
    SlowPeerError,
    is_same_user,
    peer_credentials,
    peer_uid,
)

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[tuple[Channel, socket.socket]]:
    """A channel, and the bare socket at its other end."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    channel = await Channel.adopt(ours, max_queued=256 * 1024)
    yield channel, theirs
    theirs.close()
    await channel.close()


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


async def test_messages_cross_in_order_however_the_bytes_are_cut() -> None:
    ours, theirs = socket.socketpair()
    sender, receiver = await Channel.adopt(ours), await Channel.adopt(theirs)
    await sender.send(Hello(1, "test"))
    sender.post(Chunk(1, "界" * 100_000))
    await sender.send(Abort(1))
    assert await receiver.receive() == Hello(1, "test")
    assert await receiver.receive() == Chunk(1, "界" * 100_000)
    assert await receiver.receive() == Abort(1)
    await sender.close()
    with pytest.raises(ChannelClosed, match="ended"):
        await receiver.receive()
    await receiver.close()


async def test_a_frame_that_comes_byte_by_byte_arrives_whole(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    received = asyncio.ensure_future(channel.receive())
    for byte in frame(encode(Abort(7))):
        theirs.send(bytes([byte]))
        await asyncio.sleep(0)
    assert await received == Abort(7)


@pytest.mark.parametrize("declared", [0, MAX_FRAME + 1, 0xFFFFFFFF])
async def test_an_impossible_length_is_refused_before_any_body(
    pair: tuple[Channel, socket.socket], declared: int
) -> None:
    channel, theirs = pair
    theirs.send(struct.pack(">I", declared))
    with pytest.raises(ProtocolError, match="the limit is"):
        await channel.receive()


async def test_a_bad_body_is_a_protocol_error(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    theirs.send(frame(b"\x93\x01\x02\x03"))
    with pytest.raises(ProtocolError, match="must hold a map"):
        await channel.receive()


@pytest.mark.parametrize("cut", [0, 3, 4, 9])
async def test_half_a_frame_and_the_end_is_a_closed_channel(
    pair: tuple[Channel, socket.socket], cut: int
) -> None:
    channel, theirs = pair
    theirs.send(frame(encode(Hello(1, "test")))[:cut])
    theirs.close()
    with pytest.raises(ChannelClosed):
        await channel.receive()


async def test_a_reset_is_a_closed_channel(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    await channel.send(Abort(1))
    theirs.close()  # with our bytes unread, the kernel resets
    with pytest.raises(ChannelClosed):
        await channel.receive()


async def test_posting_to_a_peer_that_does_not_read_cuts_it_off(pair: tuple[Channel, socket.socket]) -> None:
    channel, _theirs = pair
    with pytest.raises(SlowPeerError, match="unread"):
        for _ in range(10_000):
            channel.post(Chunk(1, "x" * 1024))
    with pytest.raises(ChannelClosed):
        channel.post(Abort(1))


async def test_send_waits_for_a_peer_that_does_not_read(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    body = Chunk(1, "x" * 100_000)
    sent = 0

    async def fill() -> None:
        nonlocal sent
        for _ in range(20):
            await channel.send(body)
            sent += 1

    filling = asyncio.ensure_future(fill())
    for _ in range(50):
        await asyncio.sleep(0)
    assert not filling.done()
    assert sent < 20
    received = 0
    while received < 20 * (len(encode(body)) + 4):
        received += len(await asyncio.get_running_loop().sock_recv(theirs, 1 << 16))
    await filling
    assert sent == 20


async def test_a_message_out_of_bounds_is_not_sent_and_does_no_harm(
    pair: tuple[Channel, socket.socket],
) -> None:
    channel, theirs = pair
    with pytest.raises(ProtocolError):
        channel.post(Abort(-1))
    await channel.send(Abort(2))
    assert theirs.recv(100) == frame(encode(Abort(2)))


async def test_close_gives_up_on_a_peer_that_never_reads(pair: tuple[Channel, socket.socket]) -> None:
    channel, theirs = pair
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    for _ in range(20):
        channel.post(Chunk(1, "x" * 10_000))
    await channel.close(flush_s=0.01)
    with pytest.raises(ChannelClosed):
        channel.post(Abort(1))


async def test_the_kernel_says_who_is_at_the_other_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_credentials(ours) == (os.getpid(), os.geteuid())
        assert peer_uid(ours) == os.geteuid()
        assert is_same_user(ours)
        other = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: other)
        assert not is_same_user(ours)


async def test_a_system_that_does_not_say_is_an_error_not_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_PEERCRED")
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(OSError, match="private worker"):
        is_same_user(ours)
