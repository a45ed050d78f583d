"""What is made of a document is made once for each of its versions."""

import pytest

from lsp_server.completion.sources.pace import Pace
from lsp_server.completion.sources.prepared import Prepared
from lsp_server.document import Snapshot
from tests.lsp_server.completion.sources.asking import document

pytestmark = pytest.mark.asyncio


class Counted:
    """Makes the length of a text of it, and tells how often."""

    def __init__(self) -> None:
        self.count = 0
        self.prepared = Prepared(self.make)

    async def make(self, snapshot: Snapshot, pace: Pace) -> int:
        self.count += 1
        return len(snapshot.text)


async def test_a_version_is_read_once() -> None:
    counted, pace = Counted(), Pace()
    first, second = document("a.py", "x = 1\n"), document("a.py", "x = 12\n")
    assert [await counted.prepared.of(each, pace) for each in (first, first, second)] == [6, 6, 7]
    assert counted.count == 2


async def test_where_it_may_be_a_little_old_it_is_not_made_anew() -> None:
    counted, pace = Counted(), Pace()
    assert await counted.prepared.of(document("a.py", "x = 1\n"), pace, 3) == 6
    assert await counted.prepared.of(document("a.py", "x = 123\n"), pace, 3) == 6
    assert await counted.prepared.of(document("a.py", "x = 1234\n"), pace, 3) == 9


async def test_what_is_not_kept_is_made_anew() -> None:
    counted, pace = Counted(), Pace()
    a, b = document("a.py", "1"), document("b.py", "2")
    for _ in range(2):
        await counted.prepared.of(a, pace)
        await counted.prepared.of(b, pace)
        counted.prepared.keep([b.uri])
    assert counted.count == 3
