import asyncio
import os

import pytest

from lsp_server.stdio import Input, Output

pytestmark = pytest.mark.asyncio

DEADLINE_S = 10.0


def unexpected() -> None:
    raise AssertionError("nobody hung up")


async def test_input_yields_what_is_written_and_then_the_end() -> None:
    source, sink = os.pipe()
    stdin = Input(source)
    os.write(sink, b"hello")
    async with asyncio.timeout(DEADLINE_S):
        assert await stdin.read() == b"hello"
        os.close(sink)
        assert await stdin.read() == b""
    os.close(source)


async def test_input_ends_when_it_is_closed_though_nobody_hung_up() -> None:
    source, sink = os.pipe()
    stdin = Input(source)
    os.write(sink, b"hello")
    stdin.close()
    async with asyncio.timeout(DEADLINE_S):
        while await stdin.read():
            pass
    os.close(sink)


async def test_input_reads_a_plain_file(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "in")  # noqa: PTH118 - a descriptor is what the test is about
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(b"x" * 200_000)
    source = os.open(path, os.O_RDONLY)
    stdin, data = Input(source), b""
    async with asyncio.timeout(DEADLINE_S):
        while chunk := await stdin.read():
            data += chunk
    assert len(data) == 200_000
    os.close(source)


async def test_output_never_blocks_and_says_when_nobody_reads() -> None:
    source, sink = os.pipe()
    stdout = Output(sink, unexpected)
    stdout.write(b"x" * 1_000_000)
    assert not stdout.congested
    stdout.write(b"y" * 4_000_000)
    assert stdout.congested
    drained = asyncio.ensure_future(stdout.drain())
    stdout.close()
    read = 0
    async with asyncio.timeout(DEADLINE_S):
        while read < 5_000_000:
            read += len(await asyncio.to_thread(os.read, source, 1 << 20))
            if read < 2_000_000:
                assert not drained.done()
        await drained
        await stdout.flushed()
    os.close(source)
    os.close(sink)


async def test_output_reports_a_reader_that_is_gone_and_drains() -> None:
    source, sink = os.pipe()
    broken = asyncio.Event()
    stdout = Output(sink, broken.set)
    os.close(source)
    stdout.write(b"x" * 5_000_000)
    async with asyncio.timeout(DEADLINE_S):
        await broken.wait()
        await stdout.drain()
        stdout.close()
        await stdout.flushed()
    os.close(sink)
