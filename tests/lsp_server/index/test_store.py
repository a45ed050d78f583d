"""The database: whatever is wrong with it, there is one that works."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lsp_server.index import store as store_module
from lsp_server.index.definition import Contents, Definition, Import
from lsp_server.index.location import SCHEMA, NoPlaceError, index_path
from lsp_server.index.source import Stamp
from lsp_server.index.store import Entry, Store, reader


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return index_path(tmp_path / "project")


def definition(name: str) -> Definition:
    return Definition(name, "function", f"def {name}()", "Says so.", 0, 10, 0, 1, "Box")


def entry(path: str, *names: str, size: int = 1) -> Entry:
    contents = Contents(tuple(map(definition, names)), (Import("a/b", (("c", "d"),)),))
    return Entry(path, "python", Stamp(size, 7), contents)


def names(path: Path) -> list[str]:
    database = reader(path)
    try:
        return sorted(name for (name,) in database.execute("SELECT name FROM definitions"))
    finally:
        database.close()


def test_what_is_written_is_there_when_it_is_opened_again(path: Path) -> None:
    store = Store.open(path)
    store.write([entry("a.py", "f", "g"), entry("b/c.py", "h")])
    store.close()
    store = Store.open(path)
    assert store.known() == {"a.py": Stamp(1, 7), "b/c.py": Stamp(1, 7)}
    assert names(path) == ["f", "g", "h"]
    database = reader(path)
    assert database.execute("SELECT * FROM definitions WHERE name = 'f'").fetchone()[1:] == (
        "f", "function", "Box", "def f()", "Says so.", 0, 10, 0, 1,
    )  # fmt: skip
    assert database.execute("SELECT imports FROM files").fetchone() == ('[["a/b",[["c","d"]]]]',)
    database.close()
    store.close()


def test_a_file_that_is_written_again_replaces_the_former(path: Path) -> None:
    store = Store.open(path)
    store.write([entry("a.py", "f"), entry("b.py", "g")])
    store.write([entry("a.py", "h", size=2)], gone=["b.py", "never.py"])
    assert store.known() == {"a.py": Stamp(2, 7)}
    assert names(path) == ["h"]
    store.close()


def test_names_are_data(path: Path) -> None:
    store = Store.open(path)
    hostile = "'); DROP TABLE files; --"
    store.write([entry(hostile + ".py", hostile, '"', "%")])
    assert list(store.known()) == [hostile + ".py"]
    assert names(path) == sorted([hostile, '"', "%"])
    store.close()


def test_a_batch_that_fails_leaves_nothing(path: Path) -> None:
    store = Store.open(path)
    with pytest.raises(UnicodeEncodeError):
        store.write([entry("a.py", "f"), entry("b.py", "\ud800")])
    assert store.known() == {}
    store.write([entry("c.py", "g")])
    assert names(path) == ["g"]
    store.close()


def test_nobody_else_may_read_it(path: Path) -> None:
    umask = os.umask(0)
    try:
        store = Store.open(path)
        store.write([entry("a.py", "f")])
    finally:
        os.umask(umask)
    files = list(path.parent.iterdir())
    assert len(files) == 4  # the database, its log and its index, and the lock
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.close()


def test_an_open_folder_is_closed_and_a_strange_one_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "midfill" / "index"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert index_path(tmp_path).parent == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(NoPlaceError, match="not a directory of this user's"):
        index_path(tmp_path)
    folder.unlink()
    folder.write_text("")
    with pytest.raises(NoPlaceError, match="cannot use"):
        index_path(tmp_path)


def test_the_name_tells_nothing_and_workspaces_differ(tmp_path: Path, path: Path) -> None:
    assert "project" not in path.name
    assert index_path(tmp_path / "other") != path
    assert index_path(tmp_path / "x" / ".." / "project") == path


def damage_header(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)


def damage_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def date_forward(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    database.commit()
    database.close()


def be_another_programs(path: Path) -> None:
    path.unlink()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE files (path TEXT)")
    database.commit()
    database.close()


@pytest.mark.parametrize("break_it", [damage_header, damage_pages, cut, date_forward, be_another_programs])
def test_what_cannot_be_used_is_built_anew(
    path: Path, caplog: pytest.LogCaptureFixture, break_it: object
) -> None:
    store = Store.open(path)
    store.write([entry(f"{number}.py", *(f"f{i}" for i in range(50))) for number in range(50)])
    store.close()
    assert callable(break_it)
    break_it(path)
    store = Store.open(path)
    assert len(caplog.records) == 1
    assert "is built anew" in caplog.text
    assert store.known() == {}
    store.write([entry("a.py", "f")])
    assert names(path) == ["f"]
    store.close()
    Store.open(path).close()
    assert len(caplog.records) == 1


def test_an_empty_file_is_a_new_index(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(b"")
    Store.open(path).close()
    assert names(path) == []
    assert not caplog.records


def test_an_index_that_another_holds_is_not_thrown_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BUSY_MS", 20)
    store = Store.open(path)
    store.write([entry("a.py", "f")])
    store.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Store.open(path)
    other.execute("ROLLBACK")
    other.close()
    assert names(path) == ["f"]


def test_a_link_in_its_place_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    path.symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic"):
        Store.open(path)
    assert (tmp_path / "victim").read_text() == "precious"


def test_a_reader_takes_only_an_index(path: Path) -> None:
    with pytest.raises(sqlite3.Error):
        reader(path)
    Store.open(path).close()
    database = reader(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database.execute("DELETE FROM files")
    database.close()
    date_forward(path)
    with pytest.raises(sqlite3.DatabaseError, match="version"):
        reader(path)


def test_a_full_index_says_so_and_keeps_what_it_has(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_MAX_PAGES", 40)
    store = Store.open(path)
    store.write([entry("a.py", "f")])
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.write([entry(f"{number}.py", *(f"f{i}" for i in range(100))) for number in range(100)])
    assert store.known() == {"a.py": Stamp(1, 7)}
    store.close()


WRITER = """
import sys
from pathlib import Path
from lsp_server.index.definition import Contents, Definition
from lsp_server.index.source import Stamp
from lsp_server.index.store import Entry, Store
store = Store.open(Path(sys.argv[1]))
for number in range(40):
    contents = Contents((Definition(f"f{number}", "function", "", "", 0, 1, 0, 0),))
    own = Entry(f"{sys.argv[2]}/{number}.py", "python", Stamp(1, 1), contents)
    shared = Entry(f"shared/{number}.py", "python", Stamp(1, 1), contents)
    store.write([own, shared])
store.close()
"""


def test_two_servers_may_write_one_index(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], stderr=subprocess.PIPE)
        for name in ("one", "two")
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    store = Store.open(path)
    assert len(store.known()) == 120
    assert len(names(path)) == 120
    store.close()
