"""What other files know of the next line, over a corpus of two files."""

import json
from pathlib import Path

import pytest

from benchmarks import other_files

BODY = "".join(f"value_{n} = compute_{n}(first_{n}, second_{n})\n" for n in range(60))


def corpus(folder: Path, texts: list[str]) -> list[str]:
    with (folder / "heldout.jsonl").open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            record = {"source": "a/b", "path": f"p/f{number}.py", "language": "python", "text": text}
            file.write(json.dumps(record) + "\n")
    return ["--corpus", str(folder), "--cursors", "20", "--seed", "1"]


def test_a_copy_of_the_file_is_hardly_worth_showing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert other_files.main([*corpus(tmp_path, [BODY, BODY + "\n"]), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["random stretch"]["pieces"] == 20
    # All but one line of the copy stands near the cursor.
    assert told.get("similar window", {"pieces": 0})["pieces"] < 5


def test_what_goes_on_the_same_way_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = BODY.splitlines(keepends=True)
    mixed = "".join(line + f"and_{n} = other_{n}\n" for n, line in enumerate(lines))
    assert other_files.main([*corpus(tmp_path, [BODY, mixed]), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["similar window"]
    assert told["lines"] > 5
    assert told["words_found"] <= told["words"]


def test_the_table_has_a_row_for_each_source() -> None:
    told = other_files.table({"one": other_files.Tally(10, 5, 8, 2)}, 20)
    assert told.splitlines()[-1] == "| one | 50.0% | 50.0% | 25.0% |"


def test_a_corpus_of_one_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert other_files.main(corpus(tmp_path, [BODY])) == 1
    assert "another of its project" in capsys.readouterr().err
