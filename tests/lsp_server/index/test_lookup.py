"""Definitions behind names: imports first, then names, nearest first; never what may not be read."""

# ruff: noqa: E501  # tables, one case a line
from __future__ import annotations

import os
import sqlite3
import textwrap
from pathlib import Path

import pytest

from inference.messages import Snippet
from lsp_server.index.definition import Import
from lsp_server.index.imports import imports_in
from lsp_server.index.languages import family_of, language_of
from lsp_server.index.lookup import Lookup, Question
from lsp_server.index.parser import parse_file
from lsp_server.index.store import Entry, Store


class Project:
    """A workspace whose files are in an index as soon as they are written."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.root.mkdir()
        self.database = folder / "index.sqlite"
        self.store = Store.open(self.database)
        self.lookup = Lookup(self.root, self.database)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"))
        parsed = parse_file(str(file))
        language = language_of(path)
        assert parsed is not None and language is not None
        self.store.write([Entry(path, family_of(language), *parsed)])

    def find(
        self, *names: str, path: str = "here.py", language: str = "python", imports: str = "", room: int = 480
    ) -> list[str]:
        """Of each snippet its file's name and its first line."""
        imported = tuple(imports_in(imports, language))
        question = Question(names, path, family_of(language), imported, room)
        return [
            f"{snippet.path}: {snippet.text.partition(chr(10))[0]}" for snippet in self.lookup.find(question)
        ]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_snippet_is_the_text_from_the_definition_on(project: Project) -> None:
    project.write("a/shapes.py", "import x\n\n@dec\ndef area(a, b):\n    return a * b\n\nrest = 1\n")
    found = project.lookup.find(Question(("area",), "here.py", "python"))
    assert found == (Snippet("shapes.py", "def area(a, b):\n    return a * b\n"),)


def test_a_method_comes_under_the_first_line_of_its_class(project: Project) -> None:
    project.write("a.py", 'class Box(Base):\n    """A box."""\n\n    def fill(self, n):\n        pass\n')
    (snippet,) = project.lookup.find(Question(("fill",), "here.py", "python"))
    assert snippet.text == "class Box(Base):\n    def fill(self, n):\n        pass\n"


def test_what_is_imported_goes_first(project: Project) -> None:
    project.write("far/away/shapes.py", "def area(far): ...\n")
    project.write("near/other.py", "def area(near): ...\n")
    project.write("far/away/more.py", "def volume(): ...\n")
    path = "near/here.py"
    assert project.find("area", path=path) == ["other.py: def area(near): ..."]
    assert project.find("area", path=path, imports="from far.away.shapes import area\n") == [
        "shapes.py: def area(far): ..."
    ]
    # By its name it would come second.
    assert project.find("area", "volume", path=path, imports="from far.away.more import volume\n") == [
        "more.py: def volume(): ...",
        "other.py: def area(near): ...",
    ]


def test_a_name_of_a_module_that_is_not_here_is_not_looked_for(project: Project) -> None:
    project.write("shapes.py", "def array(): ...\n")
    assert project.find("array", imports="from numpy import array\n") == []
    assert project.find("array", imports="from shapes import array\n") == ["shapes.py: def array(): ..."]


def test_a_name_under_another_one(project: Project) -> None:
    project.write("shapes.py", "class Square: ...\n")
    assert project.find("Quad", imports="from shapes import Square as Quad\n") == [
        "shapes.py: class Square: ..."
    ]


def test_a_name_that_a_package_hands_out(project: Project) -> None:
    project.write("package/deep/inner.py", "def made(): ...\n")
    assert project.find("made", imports="from package import made\n") == ["inner.py: def made(): ..."]


@pytest.mark.parametrize(
    ("language", "file", "text", "importing", "path", "name"),
    [
        ("python", "a/b/__init__.py", "def made(): ...", "from a.b import made\n", "x/here.py", "made"),
        ("python", "a/b.py", "def made(): ...", "from .b import made\n", "a/here.py", "made"),
        ("python", "b.py", "def made(): ...", "from ..b import made\n", "a/c/here.py", None),
        ("python", "a/b.py", "def made(): ...", "from ..b import made\n", "a/c/here.py", "made"),
        ("python", "a/b.py", "def made(): ...", "import a.b as ab\n", "here.py", "made"),
        ("typescript", "src/x/y.ts", "export function made() {}", "import { made } from './x/y'\n", "src/here.ts", "made"),
        ("typescript", "src/x/index.tsx", "export const made = () => 1", "import { made } from '../x'\n", "src/z/here.ts", "made"),
        ("javascript", "lib/y.js", "class Made {}\n", "const { Made } = require('./y.js')\n", "lib/here.js", "Made"),
        ("java", "src/com/a/Made.java", "public class Made {}", "import com.a.Made;\n", "src/Here.java", "Made"),
        ("go", "pkg/store/open.go", "package store\nfunc Made() {}\n", 'import "example.com/m/pkg/store"\n', "here.go", "Made"),
        ("rust", "src/a/b.rs", "pub fn made() {}\n", "use crate::a::b::made;\n", "src/here.rs", "made"),
        ("c", "lib/list.h", "int made(void);\n", '#include "lib/list.h"\n', "here.c", "made"),
        ("csharp", "Store/Made.cs", "class Made {}\n", "using App.Store;\n", "Here.cs", "Made"),
        ("ruby", "lib/made.rb", "class Made\nend\n", "require_relative 'lib/made'\n", "here.rb", "Made"),
        ("php", "src/Models/Made.php", "<?php\nclass Made {}\n", "use App\\Models\\Made;\n", "here.php", "Made"),
    ],
)  # fmt: skip
def test_imports_of_each_language(
    project: Project, language: str, file: str, text: str, importing: str, path: str, name: str | None
) -> None:
    """Where the import leads, of two files that define the name; the other is nearer."""
    suffix = file.rpartition(".")[2]
    folder = path.rpartition("/")[0]
    project.write(f"{folder}/z_other.{suffix}".lstrip("/"), text)
    project.write(file, text)
    asked = name or "made"
    found = project.find(asked, path=path, language=language, imports=importing)
    expected = file.rpartition("/")[2] if name else None
    assert [each.partition(":")[0] for each in found] == ([expected] if expected else [])


def test_the_same_language_and_the_nearest_folder(project: Project) -> None:
    project.write("made.go", "package a\nfunc made() {}\n")
    assert project.find("made") == []
    project.write("a/b/far.py", "def made(far): ...\n")
    project.write("a/c/near.py", "def made(near): ...\n")
    project.write("a/c/test_near.py", "def made(test): ...\n")
    assert project.find("made", path="a/c/d/here.py") == ["near.py: def made(near): ..."]
    assert project.find("made", path="a/b/here.py") == ["far.py: def made(far): ..."]


def test_never_the_document_itself_nor_what_it_defines(project: Project) -> None:
    project.write("here.py", "def made(): ...\n")
    project.write("other.py", "def made(): ...\n")
    assert project.find("made", path="here.py") == []
    assert project.find("made", path="third.py") != []


def test_constants_only_where_they_are_imported(project: Project) -> None:
    project.write("a.py", "made = 1\n")
    assert project.find("made") == []
    assert project.find("made", imports="from a import made\n") == ["a.py: made = 1"]


def test_a_snippet_is_cut_at_a_line_end_and_there_are_two_at_most(project: Project) -> None:
    for name in ("one", "two", "three"):
        project.write(f"{name}.py", f"def {name}():\n" + "    x = 1\n" * 50)
    question = Question(("one", "two", "three"), "here.py", "python", room=40)
    found = project.lookup.find(question)
    assert [each.text for each in found] == [
        "def one():\n    x = 1\n    x = 1\n",
        "def two():\n    x = 1\n    x = 1\n",
    ]
    project.write("long.py", "def long(" + "a, " * 50 + "): ...\n")
    (cut,) = project.lookup.find(Question(("long",), "here.py", "python", room=40))
    assert cut.text == ("def long(" + "a, " * 50)[:40]


def test_a_file_that_has_changed_since_is_left_out(project: Project) -> None:
    project.write("a.py", "def made(): ...\n")
    project.write("b.py", "def other(): ...\n")
    (project.root / "a.py").write_text("password = 'hunter2'\n")
    (project.root / "b.py").unlink()
    assert project.find("made", "other") == []


def test_a_link_that_has_taken_a_files_place_is_not_followed(project: Project, tmp_path: Path) -> None:
    project.write("a.py", "def made(): ...\n")
    stamp = (project.root / "a.py").stat()
    (project.root / "a.py").rename(tmp_path / "outside.py")
    (project.root / "a.py").symlink_to(tmp_path / "outside.py")
    os.utime(tmp_path / "outside.py", ns=(stamp.st_mtime_ns, stamp.st_mtime_ns))
    assert project.find("made") == []


def test_a_secret_is_not_read_though_it_was_indexed(project: Project) -> None:
    project.write("secrets.lua", "function made()\nend\n")
    assert project.find("made", path="here.lua", language="lua") == []
    project.write("fine.lua", "function made()\nend\n")
    assert project.find("made", path="here.lua", language="lua") == ["fine.lua: function made()"]


def test_names_are_data(project: Project) -> None:
    project.write("a.py", "def made(): ...\n")
    assert project.find("made' OR '1'='1", '"; DROP TABLE files; --', "%", "made") == [
        "a.py: def made(): ..."
    ]


def test_a_line_end_is_a_line_end_whatever_the_file_has(project: Project) -> None:
    (project.root / "a.py").write_bytes(b"x = 1\r\ndef made():\r\n    return 1\r\n")
    parsed = parse_file(str(project.root / "a.py"))
    assert parsed is not None
    project.store.write([Entry("a.py", "python", *parsed)])
    (snippet,) = project.lookup.find(Question(("made",), "here.py", "python"))
    assert snippet.text == "def made():\n    return 1\n"


def test_without_an_index_it_says_so_and_with_a_new_one_it_goes_on(tmp_path: Path, project: Project) -> None:
    with pytest.raises(sqlite3.Error):
        Lookup(project.root, tmp_path / "none.sqlite").find(Question(("made",), "here.py", "python"))
    project.write("a.py", "def made(): ...\n")
    assert project.find("made") != []
    project.store.close()
    for each in tmp_path.glob("index.sqlite*"):
        each.unlink()
    project.store = Store.open(project.database)
    assert project.find("made") == []
    project.write("b.py", "def made(): ...\n")
    assert project.find("made") == ["b.py: def made(): ..."]


def test_many_definitions_of_one_name_are_not_all_read(project: Project) -> None:
    stamp_and_contents = parse_file(str(project.root / "none.py"))
    assert stamp_and_contents is None
    for number in range(100):
        project.write(f"m{number}.py", "def made(): ...\n")
    asked: list[str] = []
    project.lookup._open().set_trace_callback(asked.append)
    assert len(project.find("made")) == 1
    assert sum("LIMIT 64" in each for each in asked) == 1


def test_an_import_of_everything_counts_for_every_name(project: Project) -> None:
    project.write("far/shapes.py", "def area(): ...\n")
    project.write("near.py", "def area(): ...\n")
    question = Question(("area",), "here.py", "python", (Import("far/shapes"),))
    assert [each.path for each in project.lookup.find(question)] == ["shapes.py"]
