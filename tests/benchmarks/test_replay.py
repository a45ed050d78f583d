"""The replay as a command, over the real server, whose worker says what a test wants; and its tables."""

from __future__ import annotations

import argparse
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import lsp_client, replay
from benchmarks.replaying.figures import Report, Typing, ablated, by_language, table
from benchmarks.replaying.source_file import SourceFile, read_files
from benchmarks.replaying.tally import Tally
from benchmarks.replaying.typist import Times, Typed
from benchmarks.replaying.variant import SHIPPED, Variant, variants
from benchmarks.replaying.workspace import workspace
from lsp_server.index.location import index_path
from lsp_server.settings import Settings
from tests.own_home import own_home
from training.jsonl import DataError

Told = dict[str, Any]


@pytest.fixture
def told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Callable[..., Told]]:
    """told("truth", "a.py", text, *arguments): what the replay of a file prints, whose worker says that."""
    with own_home() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

        def run(says: str, name: str, text: str, *arguments: str) -> Told:
            (tmp_path / name).write_text(text, encoding="utf-8")
            server = (sys.executable, "-m", "tests.benchmarks.knowing_server", str(tmp_path), says)
            monkeypatch.setattr(lsp_client, "SERVER", server)
            code = replay.main([str(tmp_path), "--json", "--look", "0", *arguments])
            printed = capsys.readouterr()
            assert code == 0, printed.err
            return dict(json.loads(printed.out))

        yield run


PYTHON = inspect.getsource(textwrap.dedent) + "\n\n" + inspect.getsource(textwrap.shorten)


def test_who_is_told_the_truth_types_next_to_nothing(told: Callable[..., Told]) -> None:
    found = told("truth", "wrap.py", PYTHON, "--requests", "20", "--seed", "3")
    figures = found["languages"]["python"]
    tally = figures["tally"]
    assert figures["files"] == 1
    assert tally["requests"] >= 20
    assert (tally["wrong_requests"], tally["wrong_characters"], tally["errors"], tally["misread"]) == (0,) * 4
    assert tally["exact"] + tally["prefix"] > 0
    assert figures["shares"]["saved"]["value"] > 0.6
    assert tally["saved"] + tally["requests"] >= tally["characters"]
    assert figures["request_processor_ms"]["count"] == figures["change_processor_ms"]["count"] > 0
    assert figures["request_processor_ms"]["median"] > 0
    assert figures["latency_ms"]["count"] + figures["silent_ms"]["count"] > 0


def test_who_is_lied_to_types_everything(told: Callable[..., Told]) -> None:
    prose = "".join(f"Line {number} says what nobody wants to know.\n" for number in range(40))
    found = told("lie", "words.md", prose, "--requests", "60", "--language", "markdown", "--variant", "plain")
    assert list(found["variants"]) == ["as shipped", "plain"]
    for each in found["variants"].values():
        tally = each["figures"]["tally"]
        assert tally["shown"] == tally["wrong_requests"] > 0
        assert tally["texts"] == tally["wrong_texts"]
        assert tally["wrong_characters"] >= 3 * tally["texts"]
        assert (tally["saved"], tally["exact"], tally["prefix"]) == (0, 0, 0)
        assert tally["requests"] == tally["characters"], "without an acceptance every key is one request"
    requests = {each["figures"]["tally"]["requests"] for each in found["variants"].values()}
    assert len(requests) == 1, "the variants type the same"


def test_a_setting_that_the_server_refuses_ends_it(
    told: Callable[..., Told], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = Variant("odd", {"stagse": ["gates"]})
    monkeypatch.setattr(replay, "chosen", lambda ablate, names: [SHIPPED, odd])
    with pytest.raises(AssertionError, match=r"odd: midfill\.stagse is not a setting"):
        told("truth", "wrap.py", PYTHON)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{}"], "no file in python or javascript"),
        (["{}", "--language", "rust"], "no file in rust that is not a test"),
        (["{}/missing.jsonl"], "missing.jsonl: there is no such file"),
        (["{}/bad.jsonl"], "bad.jsonl:1: field 'source' is missing"),
        (["{}", "--variant", "no gravity"], "there is no variant 'no gravity': they are 'as shipped', "),
    ],
)
def test_what_cannot_be_typed_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    (tmp_path / "bad.jsonl").write_text("{}\n")
    assert replay.main([argument.format(tmp_path) for argument in arguments]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--requests", "0"], ["--rate", "0"], ["--look", "-1"], ["--language", "cobol"]]
)
def test_numbers_out_of_range_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        replay._parse([".", *arguments])


def test_files_of_a_folder(tmp_path: Path) -> None:
    for name, data in {
        "a.py": b"x = 1  \r\ny = 2\t\n",
        "test_a.py": b"x",
        ".git/b.py": b"x",
        "sub/c.go": b"package c\n",
        "latin.py": b"# \xe9\n",
        "zero.py": b"\0",
        "empty.py": b"\n",
        "large.py": b"#" * 200_000,
        "words.md": b"words\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
    found = read_files(tmp_path, ["python", "go"])
    assert found == [
        SourceFile("a.py", "python", "x = 1\ny = 2\n"),
        SourceFile("sub/c.go", "go", "package c\n"),
    ]
    assert [file.path for file in read_files(tmp_path, ["python"], tests=True)] == ["a.py", "test_a.py"]


def test_a_workspace_of_records_is_gone_with_its_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    record = {"source": "someone/project", "path": "src/a.py", "language": "python", "text": "x = 1\n"}
    data = tmp_path / "heldout.jsonl"
    data.write_text(json.dumps(record) + "\n", encoding="utf-8")
    assert read_files(data, ["python"]) == [SourceFile("someone/project/src/a.py", "python", "x = 1\n")]
    with workspace(data) as root:
        assert (root / "someone/project/src/a.py").read_text() == "x = 1\n"
        database = index_path(root)
        for suffix in ("", "-wal"):
            Path(f"{database}{suffix}").touch()
    assert not root.exists()
    assert list(database.parent.iterdir()) == []
    with workspace(tmp_path) as root:
        assert root == tmp_path


def test_a_record_that_leads_out_of_the_workspace_is_refused(tmp_path: Path) -> None:
    record = {"source": "..", "path": "a.py", "language": "python", "text": "x = 1\n"}
    (tmp_path / "heldout.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(DataError, match="leads out of the workspace"):
        read_files(tmp_path / "heldout.jsonl", ["python"])


def test_each_stage_is_a_variant_and_two_have_next_to_nothing() -> None:
    found = {variant.name: variant.settings for variant in variants(("gates", "trim", "reuse"))}
    assert found["as shipped"] == {}
    assert found["no gates"] == {"stages": ["gates"]}
    assert found["no reuse"] == {"stages": ["reuse"]}
    assert found["plain"]["stages"] == ["gates", "reuse"]
    assert found["bare"]["stages"] == ["gates", "trim", "reuse"]
    alone = {variant.name: variant.settings for variant in variants(())}
    assert alone["no reuse"] == {"reuse": False}
    assert alone["plain"] == {"reuse": False, "prefetch": False, "workspaceIndex": False}


def test_every_setting_of_a_variant_is_one_that_the_server_takes() -> None:
    for variant in variants():
        settings, problems = Settings().merged(variant.settings)
        assert problems == ()
        assert (settings == Settings()) == (variant is SHIPPED)


def typing(language: str, **counts: int) -> Typing:
    found = Typing()
    tally = Tally(requests=123456, characters=999999, shown=99999, texts=999, **counts)
    times = Times(shown=[1.0, 1000.5], silent=[3.0], request=[0.5], change=[0.25], beyond_worker=[2.0])
    for number in range(2):
        found.add(f"{language}{number}", Typed(tally, times))
    return found


def test_tables_fit_a_hundred_columns() -> None:
    names = "python", "typescript"
    shipped = {name: typing(name, saved=8000) for name in names}
    plain = {name: typing(name, saved=4000, wrong_characters=50) for name in names}
    report = Report(
        data="heldout.jsonl",
        seed=0,
        rate=0.0,
        model="m",
        machine="one",
        languages=by_language(shipped),
        variants=ablated({SHIPPED.name: shipped, "with workspaceIndex": plain}),
        settings={},
        flaws=[],
    )
    printed = table(report)
    assert max(map(len, printed.splitlines())) <= 100
    rows = [line.split("|")[1:-1] for line in printed.splitlines() if line.startswith("|with")]
    assert [cell.strip() for cell in rows[0]][-2:] == ["2.00±0.00", "0.00±0.00"]
    assert "|all       |    4|" in printed
    json.dumps(report, default=lambda value: None)


def test_variants_are_named_once() -> None:
    names = [variant.name for variant in replay.chosen(False, ["plain"])]
    assert names == ["as shipped", "plain"]
    assert replay.chosen(True, []) == variants()
    assert isinstance(replay._parse(["."]), argparse.Namespace)
