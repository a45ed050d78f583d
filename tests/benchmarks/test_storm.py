"""The storm: over the real server, and over ones that do not keep count; `benchmarks.storm` is longer."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks import lsp_client, storm
from tests.own_home import own_home

Storm = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Storm]:
    """run("good", "--requests", "100"): the exit code of a storm over such a server, and what it tells."""
    with own_home() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

        def storms(kind: str, *arguments: str) -> tuple[int, dict[str, Any]]:
            server = (sys.executable, "-m", "tests.benchmarks.storm_server", kind)
            monkeypatch.setattr(lsp_client, "SERVER", server)
            code = storm.main(["--json", *arguments])
            printed = capsys.readouterr()
            assert printed.out, printed.err
            return code, dict(json.loads(printed.out))

        yield storms


def test_each_request_has_one_reply_and_none_is_for_an_old_version(run: Storm) -> None:
    code, told = run("good", "--requests", "1500")
    assert (told["unanswered"], told["surplus"], told["nameless"], told["stale"]) == (0, 0, 0, 0)
    assert code == 0
    assert told["requests"] >= 1500
    assert told["messages"] > told["requests"]
    assert told["texts"] > 0


def test_replies_that_do_not_come_are_missed(run: Storm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storm, "LAST_S", 2.0)
    monkeypatch.setattr(storm, "CALM", 1_000_000)  # in a calm all are waited for
    code, told = run("silent", "--requests", "300")
    assert code == 1
    assert told["unanswered"] > 0
    assert (told["surplus"], told["nameless"]) == (0, 0)


def test_replies_that_come_twice_are_seen(run: Storm) -> None:
    code, told = run("twice", "--requests", "300")
    assert code == 1
    assert told["surplus"] > 0
    assert (told["unanswered"], told["nameless"]) == (0, 0)


def test_a_server_that_ends_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        lsp_client, "SERVER", (sys.executable, "-c", "print('no', file=__import__('sys').stderr)")
    )
    assert storm.main(["--requests", "10"]) == 1
    assert "the server ended" in capsys.readouterr().err
