"""Arbitrary bytes, arbitrarily cut, into a Channel."""

import asyncio
import itertools
import struct
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference.messages import MAX_FRAME, Abort, Chunk, Hello, Message, ProtocolError, encode
from inference.transport import Channel, ChannelClosed

MESSAGES: tuple[Message, ...] = (Hello(1, "test"), Chunk(3, "界" * 40), Abort(3), Chunk(4, ""))
# How long an example takes says nothing: the machine may be busy.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Nowhere(asyncio.Transport):
    """For a channel that only receives."""

    def is_closing(self) -> bool:
        return True

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return


def receive_all(stream: bytes, cuts: list[int]) -> list[Message]:
    """What a channel receives when its peer sends this, in pieces, and ends. Raises ProtocolError."""

    async def converse() -> list[Message]:
        reader = asyncio.StreamReader()
        channel = Channel(reader, asyncio.StreamWriter(Nowhere(), asyncio.Protocol(), reader, loop))
        edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
        for start, end in itertools.pairwise(edges):
            reader.feed_data(stream[start:end])
        reader.feed_eof()
        messages: list[Message] = []
        try:
            while True:
                messages.append(await channel.receive())
        except ChannelClosed:
            return messages

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(converse())
    finally:
        loop.close()


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


cuts = st.lists(st.integers(0, 1 << 16), max_size=6)


@patient
@given(st.lists(st.sampled_from(MESSAGES), max_size=6), cuts)
def test_messages_arrive_however_they_are_cut(messages: list[Message], cuts: list[int]) -> None:
    assert receive_all(b"".join(frame(encode(message)) for message in messages), cuts) == messages


@patient
@given(st.lists(st.sampled_from(MESSAGES), max_size=3), st.binary(max_size=200), cuts)
def test_what_came_before_the_noise_arrives_and_the_noise_raises_no_other_error(
    messages: list[Message], noise: bytes, cuts: list[int]
) -> None:
    stream = b"".join(frame(encode(message)) for message in messages)
    try:
        assert receive_all(stream + noise, cuts)[: len(messages)] == messages
    except ProtocolError:
        assert noise


@patient
@given(st.integers(0, 2**32 - 1), st.binary(max_size=64))
def test_a_declared_length_costs_no_memory(length: int, sent: bytes) -> None:
    tracemalloc.start()
    try:
        receive_all(struct.pack(">I", length) + sent, [])
    except ProtocolError as error:
        assert length > MAX_FRAME or length <= len(sent), error
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 512 * 1024


def test_the_longest_frame_is_accepted_and_the_next_byte_is_not() -> None:
    with pytest.raises(ProtocolError, match="must hold a map"):
        receive_all(frame(b"\xdb" + struct.pack(">I", MAX_FRAME - 5) + b"x" * (MAX_FRAME - 5)), [])
    with pytest.raises(ProtocolError, match="the limit is"):
        receive_all(frame(b"x" * (MAX_FRAME + 1)), [])
