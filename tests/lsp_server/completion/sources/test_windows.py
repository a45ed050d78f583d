"""Similar stretches of other files, and what comes behind them."""

import asyncio

import pytest

from lsp_server.completion.sources import pace
from lsp_server.completion.sources.pace import Pace
from lsp_server.completion.sources.windows import BLOCK, SimilarWindows
from tests.lsp_server.completion.sources.asking import ask, document, query

LOOP = [
    "connection = open_connection(address)", "request = encode_request(method, headers)",
    "connection.send(request)", "response = connection.receive(timeout)", "check_status(response, address)",
]  # fmt: skip
BEHIND = ["body = decode_body(response)", "cache.store(address, body)", "connection.close()", "return body"]
FILLER = [f"filler_{n} = other_{n}({n})" for n in range(3 * BLOCK)]


def lines(*parts: list[str]) -> str:
    return "".join(f"{line}\n" for part in parts for line in part)


def test_what_came_behind_a_similar_stretch() -> None:
    other = document("other.py", lines(FILLER, LOOP, BEHIND, FILLER))
    (found,) = ask(SimilarWindows(), query(lines(LOOP) + "‸", other))
    assert found.startswith("other.py: " + lines(BEHIND))


def test_lines_that_stand_at_the_cursor_too_are_not_repeated() -> None:
    other = document("other.py", lines(LOOP, LOOP, ["and_this = new"], BEHIND))
    (found,) = ask(SimilarWindows(), query(lines(LOOP, LOOP) + "‸", other))
    assert found == "other.py: and_this = new\n" + lines(BEHIND)


def test_the_most_similar_goes_first_but_other_languages_last() -> None:
    good = document("good.py", lines(FILLER, LOOP, BEHIND))
    fair = document("fair.py", lines(FILLER, LOOP[:3], ["another = thing(1)", "and_more = x"], BEHIND))
    foreign = document("foreign.rb", lines(FILLER, LOOP, BEHIND), "ruby")
    found = ask(SimilarWindows(), query(lines(LOOP) + "‸", foreign, fair, good))
    assert [each.partition(":")[0] for each in found] == ["good.py", "fair.py", "foreign.rb"]


def test_what_is_not_similar_is_not_shown() -> None:
    assert ask(SimilarWindows(), query(lines(LOOP) + "‸", document("other.py", lines(FILLER)))) == []
    assert ask(SimilarWindows(), query("x = 1\n‸", document("other.py", "x = 1\n" + lines(BEHIND)))) == []


def test_a_copy_of_the_cursors_own_surroundings_is_not_shown() -> None:
    copy = document("copy.py", lines(FILLER, LOOP, BEHIND))
    assert ask(SimilarWindows(), query(lines(FILLER, LOOP) + "‸" + lines(BEHIND), copy)) == []


def test_the_end_of_a_file() -> None:
    other = document("other.py", lines(LOOP))
    asked = query(lines(LOOP[:2], [f"new_{n} = {n}" for n in range(3)]) + "‸", other)
    assert ask(SimilarWindows(), asked) == ["other.py: " + lines(LOOP[2:])]
    assert ask(SimilarWindows(), query(lines(LOOP) + "‸", document("empty.py", ""))) == []


def test_the_answer_is_the_same_every_time() -> None:
    others = [document(f"o{n}.py", lines(FILLER[: n % 7], LOOP, BEHIND)) for n in range(6)]
    asked = query(lines(LOOP) + "‸", *others)
    first = ask(SimilarWindows(), asked)
    assert len(first) == 4
    for _ in range(3):
        assert ask(SimilarWindows(), asked) == first


def test_lines_without_end_are_read_in_part() -> None:
    wide = document("wide.js", "x = [" + "value_one, " * 100_000 + "]\n", "javascript")
    assert ask(SimilarWindows(), query(lines(LOOP) + "‸", wide)) == []


def test_a_long_file_is_read_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SLICE_S", 0.0)
    long = document("long.py", lines(FILLER * 100))
    asked = query(lines(LOOP) + "‸", long)

    async def rounds() -> int:
        task = asyncio.create_task(SimilarWindows().find(asked, Pace()))
        number = 0
        while not task.done():
            number += 1
            await asyncio.sleep(0)
        return number

    assert asyncio.run(rounds()) > len(long.lines) // BLOCK
