"""A server for the storm: python -m … good|silent|twice

The real one, whose worker says the same to everybody; or one that swallows some replies, or repeats some.
"""

import sys
from typing import Any

from lsprotocol import types

from lsp_server.protocol import Protocol
from lsp_server.server import run_stdio
from tests.lsp_server.fake_link import FakeLink

TEXT = " x\n"
EACH = 20


class SameLink(FakeLink):
    async def start(self) -> None:
        await super().start()
        self.answer_with(TEXT)


def spoil(times: int) -> None:
    """Have every twentieth inline completion sent so often."""
    send = Protocol._send_data
    count = 0

    def spoiled(self: Protocol, data: Any) -> None:
        nonlocal count
        is_completion = isinstance(getattr(data, "result", None), types.InlineCompletionList)
        count += is_completion
        for _ in range(times if is_completion and count % EACH == 0 else 1):
            send(self, data)

    Protocol._send_data = spoiled  # type: ignore[method-assign]  # this is the spoiling


if __name__ == "__main__":
    if sys.argv[1] != "good":
        spoil({"silent": 0, "twice": 2}[sys.argv[1]])
    sys.exit(run_stdio(connect=SameLink))
