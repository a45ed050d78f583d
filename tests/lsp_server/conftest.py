import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from lsp_server import worker_process
from tests.lsp_server.link_bench import Bench


@pytest_asyncio.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="mf") as directory:
        monkeypatch.setenv("XDG_RUNTIME_DIR", directory)
        bench = Bench(Path(directory))
        yield bench
        for link in bench.links:
            await link.close()
        for pid in bench.pids:
            await bench.kill(pid)
        for process in worker_process._started:  # some may not have come to write down their id
            process.kill()
            process.wait()
