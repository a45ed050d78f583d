from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from training.benchmark_filter import BenchmarkFilter
from training.corpus import MANIFEST, build
from training.languages import LANGUAGES
from training.sources import Source, SourceError, read_manifest, read_source

MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software\n"
CODE = "import os\n\n\n" + "".join(f"def step_{i}(value):\n    return value + {i}\n\n\n" for i in range(12))


def checkout(folder: Path, name: str, files: dict[str, str]) -> str:
    """A git checkout of `files` under `folder`; its commit."""
    root = folder / name.replace("/", "+")
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
        command = ["git", "-C", str(root), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "files")
    return git("rev-parse", "HEAD")


def manifest(folder: Path, *sources: Source) -> Path:
    path = folder / "corpus.toml"
    rows = []
    for s in sources:
        rows.append(f'[[source]]\nkind = "{s.kind}"\nname = "{s.name}"\nversion = "{s.version}"')
        rows.append(f'licence = "{s.licence}"\nheld_out = {str(s.held_out).lower()}\n')
    path.write_text("\n".join(rows))
    return path


def test_a_corpus_is_filtered_deduplicated_and_split_by_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = "    first = a + b\n    second = first * a - b\n    return second // first + a - b\n"
    solution = "def solve(a, b):\n" + body
    benchmark = tmp_path / "problems.jsonl.gz"
    with gzip.open(benchmark, "wt") as file:
        file.write(json.dumps({"prompt": solution, "canonical_solution": ""}) + "\n")
    kept = checkout(
        tmp_path,
        "some/project",
        {
            "LICENSE": MIT,
            "a.py": CODE + "AUTHOR = 'jo@corp.org'\n",
            "same.py": CODE.replace("\n\n\n", "\n\n") + "AUTHOR =  'jo@corp.org'\n",
            "leak.py": CODE[::-1] + solution,
            "like.py": CODE + "AUTHOR = 'jo@corp.org'  # and more\n",
            "like_held_out.py": CODE.replace("step", "move") + "LAST = 1\n",
            "n.txt": "x",
        },
    )
    aside = checkout(tmp_path, "other/project", {"LICENSE": MIT, "b.py": CODE.replace("step", "move")})
    sources = (
        Source("git", "some/project", kept, "MIT"),
        Source("git", "other/project", aside, "MIT", held_out=True),
    )
    build(manifest(tmp_path, *sources), tmp_path, [benchmark], tmp_path / "out")
    train, held_out = (
        [json.loads(line) for line in (tmp_path / "out" / f"{split}.jsonl").read_text().splitlines()]
        for split in ("train", "heldout")
    )
    assert [(r["source"], r["path"]) for r in train] == [("some/project", "a.py")]
    assert (train[0]["language"], train[0]["licence"]) == ("python", "MIT")
    assert [(r["source"], r["path"]) for r in held_out] == [("other/project", "b.py")]
    assert train[0]["text"] == CODE + "AUTHOR = 'user@example.com'\n"
    summary = json.loads((tmp_path / "out" / "corpus.json").read_text())
    assert summary["sources"]["some/project"]["files"] == 1
    assert summary["by_language"]["python"]["bytes"] == len(train[0]["text"])
    assert summary["by_licence"]["MIT"]["held_out_bytes"] == len(held_out[0]["text"])
    table = capsys.readouterr().out.split("\n")
    assert next(line for line in table if line.startswith("total")).split()[1] == "1"
    assert ["near", "duplicate", "2"] in [line.split() for line in table]
    assert summary["scrubbed"] == {"e-mail addresses": 1, "secrets": 0}
    assert summary["dropped"] == {"duplicate": 1, "benchmark": 1, "near duplicate": 2}


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a.py": CODE}, "no licence file"),
        ({"a.py": CODE, "LICENSE": "GNU GENERAL PUBLIC LICENSE"}, "its licence file is not MIT"),
    ],
)
def test_a_licence_is_believed_only_from_its_own_file(
    tmp_path: Path, files: dict[str, str], complaint: str
) -> None:
    commit = checkout(tmp_path, "a/b", files)
    with pytest.raises(SourceError, match=complaint):
        list(read_source(Source("git", "a/b", commit, "MIT"), tmp_path))


def test_the_evidence_named_has_to_be_the_licence(tmp_path: Path) -> None:
    gpl = "GNU GENERAL PUBLIC LICENSE\n" + MIT
    commit = checkout(tmp_path, "a/b", {"a.py": CODE, "LICENSE": MIT, "COPYING": gpl, "docs/LICENSE": MIT})

    def read(licence: str, evidence: str) -> list[str]:
        source = Source("git", "a/b", commit, licence, evidence=evidence)
        return [file.path for file in read_source(source, tmp_path)]

    assert read("MIT", "LICENSE") == ["a.py"]
    for licence, evidence, complaint in (
        ("Apache-2.0", "LICENSE", "LICENSE is not Apache-2.0"),
        ("MIT", "COPYING", "COPYING is not MIT"),
        ("MIT", "LICENSE-MIT", "no file LICENSE-MIT"),
    ):
        with pytest.raises(SourceError, match=complaint):
            read(licence, evidence)


def test_folders_of_other_licences_are_left_out_where_evidence_is_named(tmp_path: Path) -> None:
    files = {
        "LICENSE": MIT,
        "a.py": CODE,
        "plugins/gpl/COPYING": "GNU LESSER GENERAL PUBLIC LICENSE",
        "plugins/gpl/deep/b.py": CODE,
        "plugins/two/LICENSE-MIT": MIT,
        "plugins/two/UNLICENSE": "This is free and unencumbered software",
        "plugins/two/c.py": CODE,
        "plugins/mpl/LICENSE.MPL-2.0": "Mozilla Public License Version 2.0",
        "plugins/mpl/d.py": CODE,
        "plugins/licence.py": CODE,
    }
    commit = checkout(tmp_path, "a/b", files)

    def read(evidence: str) -> list[str]:
        source = Source("git", "a/b", commit, "MIT", evidence=evidence)
        return [file.path for file in read_source(source, tmp_path)]

    assert read("LICENSE") == ["a.py", "plugins/licence.py", "plugins/two/c.py"]
    unchecked = ["plugins/gpl/deep/b.py", "plugins/licence.py", "plugins/mpl/d.py", "plugins/two/c.py"]
    assert read("") == ["a.py", *unchecked]


def test_another_version_and_a_missing_checkout_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no checkout at"):
        list(read_source(Source("git", "a/b", "0" * 40, "MIT"), tmp_path))
    with pytest.raises(SourceError, match="the manifest says 0\\.0\\.1"):
        list(read_source(Source("package", "pytest", "0.0.1", "MIT"), tmp_path))


def test_files_of_the_languages_and_folders_asked_for_are_read(tmp_path: Path) -> None:
    files = {"LICENSE": MIT, "src/a.go": CODE, "src/a.py": CODE, "src/a.md": CODE, "tools/b.go": CODE}
    commit = checkout(tmp_path, "a/b", files)

    def read(*languages: str, folders: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        source = Source("git", "a/b", commit, "MIT", languages=languages, folders=folders)
        return [(file.path, file.language.name) for file in read_source(source, tmp_path)]

    assert Source("git", "a/b", commit, "MIT").languages == ("python",)
    assert read("python") == [("src/a.py", "python")]
    assert read("markdown", "go") == [
        ("src/a.go", "go"), ("src/a.md", "markdown"), ("tools/b.go", "go"),
    ]  # fmt: skip
    assert read("go", folders=("src",)) == [("src/a.go", "go")]
    with pytest.raises(SourceError, match="no folders"):
        read("go", folders=("lib",))


def test_an_unknown_language_is_refused(tmp_path: Path) -> None:
    path = manifest(tmp_path, Source("git", "a/b", "0" * 40, "MIT"))
    path.write_text(path.read_text() + 'languages = ["cobol"]\n')
    with pytest.raises(SourceError, match="cobol"):
        read_manifest(path)


def test_the_manifest_names_permissive_sources_and_holds_some_out() -> None:
    sources = read_manifest(MANIFEST)
    assert len({source.name for source in sources}) == len(sources)
    assert sum(source.held_out for source in sources) >= 3
    assert all(len(source.version) == 40 for source in sources if source.kind == "git")


def test_the_manifest_covers_the_languages_and_holds_a_project_of_each_out() -> None:
    sources = read_manifest(MANIFEST)
    assert {name for source in sources for name in source.languages} == set(LANGUAGES)
    held_out = {name for source in sources if source.held_out for name in source.languages}
    assert held_out >= {"python", "typescript", "javascript", "java", "go", "rust", "c", "cpp"}
    chinese = [source for source in sources if source.part == "chinese"]
    assert {source.held_out for source in chinese} == {True, False}
    # Everything but the first Python sources names its evidence.
    assert all(source.evidence for source in sources if source.part or source.languages != ("python",))


def test_the_python_projects_held_out_are_the_ones_that_scores_were_measured_on() -> None:
    held_out = [s.name for s in read_manifest(MANIFEST) if s.held_out and "python" in s.languages]
    assert held_out == ["celery/celery", "encode/httpx", "optuna/optuna", "pallets/werkzeug"]


def test_a_copyleft_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="GPL-3\\.0 is not one of"):
        read_manifest(manifest(tmp_path, Source("git", "a/b", "0" * 40, "GPL-3.0")))


def test_ten_words_in_a_row_match_and_nine_do_not() -> None:
    problem = "one two three four five six seven eight nine ten eleven"
    chosen = BenchmarkFilter([problem])
    assert chosen.matches("before one two three-four (five six) seven: eight nine\nten after")
    assert not chosen.matches("before one two three four five six seven eight nine and ten eleven")
