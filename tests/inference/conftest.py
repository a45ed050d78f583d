import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.inference.service_bench import GIVE_UP_S, Bench


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="mf") as directory:
        bench = Bench(Path(directory) / "s")
        yield bench
        bench.may_load.set()
        bench.engine.pause.set()
        if bench.exit_code is not None:
            bench.running.end(0)
            await bench.code()
            assert bench.running.engine_thread.join(GIVE_UP_S)
        for channel in bench.channels:
            await channel.close()
