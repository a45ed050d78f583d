"""What a stream knows of the probability of its text."""

import asyncio
import math

import pytest

from inference.messages import Generate
from lsp_server.completion.origin import Origin
from lsp_server.completion.stream import Stream
from lsp_server.document import Document
from tests.lsp_server.fake_link import FakeGeneration

ASKED = Generate(1, "d", "a.py", "python", "x = ", "\n")


def test_each_part_of_a_text_has_its_share() -> None:
    async def run() -> None:
        snapshot = Document("file:///a.py", "python", 1, "x = \n").snapshot
        generation = FakeGeneration(ASKED)
        stream = Stream(Origin.of(snapshot, 4), generation)
        assert stream.logprob(0, 0) == 0.0
        generation.say("foo(").say("a)", probability=0.25).say("\r\n", probability=0.5)
        while len(stream.text) < 7:
            await asyncio.sleep(0)
        assert stream.text == "foo(a)\n"
        assert stream.logprob(0, 4) == 0.0
        assert stream.logprob(4, 6) == stream.logprob(0, 6) == pytest.approx(math.log(0.25))
        assert stream.logprob(5, 6) == pytest.approx(math.log(0.5))  # half of the piece
        assert stream.logprob(0, 7) == pytest.approx(math.log(0.125))
        assert stream.logprob(0, 99) == pytest.approx(math.log(0.125))
        generation.say("b", probability=0.5)
        generation.end_with(0.1)
        while stream.is_running:
            await asyncio.sleep(0)
        assert stream.logprob(7, 8) == pytest.approx(math.log(0.05))  # the end is part of it

    asyncio.run(run())


def test_a_text_that_was_broken_off_is_without_its_end() -> None:
    async def run() -> None:
        snapshot = Document("file:///a.py", "python", 1, "x = \n").snapshot
        generation = FakeGeneration(ASKED).say("b", probability=0.5)
        generation.end_with(0.1, "length")
        stream = Stream(Origin.of(snapshot, 4), generation)
        while stream.is_running:
            await asyncio.sleep(0)
        assert stream.logprob(0, 1) == pytest.approx(math.log(0.5))

    asyncio.run(run())
