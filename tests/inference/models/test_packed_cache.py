"""Where packed weights are kept: made once, mapped from then on, and not used once something has changed."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from inference.models import packed_cache
from inference.models.packed_cache import Origin, packed_arrays
from inference.models.packed_file import Array, open_packed, write_packed


@dataclass
class Model:
    """A folder with two source files, and a maker of weights that counts how often it was asked."""

    folder: Path
    cache: Path
    recipe: dict[str, str | int] = field(default_factory=lambda: {"precision": "bf16"})
    number: int = 1
    made: int = 0

    @property
    def origin(self) -> Origin:
        sources = (self.folder / "config.json", self.folder / "model.safetensors")
        return Origin(self.folder, "midfill-bf16", sources, self.recipe)

    @property
    def beside(self) -> Path:
        return self.folder / "midfill-bf16.packed"

    def make(self) -> Iterator[tuple[str, Array]]:
        self.made += 1
        yield "a", np.full((8, 3), self.number, np.uint16)
        yield "b", np.full(5, self.number, np.float32)

    def load(self) -> int:
        """The number that the weights hold."""
        arrays = packed_arrays(self.origin, self.make)
        (number,) = {int(value) for array in arrays.values() for value in array.ravel()}
        assert {name: array.shape for name, array in arrays.items()} == {"a": (8, 3), "b": (5,)}
        return number

    def close_beside(self) -> None:
        """Nothing can be written beside the model; unlike by its mode, not by root either."""
        self.beside.with_name(self.beside.name + ".partial").mkdir()


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Model:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(300_000))
    return Model(folder, tmp_path / "cache" / "midfill")


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_weights_are_packed_once_and_mapped_from_then_on(
    model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    assert [model.load() for _ in range(3)] == [1, 1, 1]
    assert model.made == 1
    assert told(caplog) == [f"the weights are packed in {model.beside}, 0 MB"]
    assert sorted(path.name for path in model.folder.iterdir()) == [
        "config.json", "midfill-bf16.packed", "model.safetensors",
    ]  # fmt: skip
    assert not model.cache.exists()


def touch(model: Model) -> None:
    path = model.folder / "model.safetensors"
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def rewrite_in_place(model: Model) -> None:
    """Of one size and time, as two versions of a model unpacked by an installer may be."""
    path = model.folder / "model.safetensors"
    status = path.stat()
    path.write_bytes(b"\1" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES: dict[str, Callable[[Model], object]] = {
    "the config": lambda model: (model.folder / "config.json").write_text("{} "),
    "the weights' size": lambda model: (model.folder / "model.safetensors").write_bytes(bytes(300_001)),
    "the weights' time": touch,
    "the weights alone": rewrite_in_place,
    "the precision": lambda model: model.recipe.update(precision="int8"),
    "the layout": lambda model: model.recipe.update(layout="other"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_has_changed_is_packed_anew_with_one_line_in_the_log(
    model: Model, caplog: pytest.LogCaptureFixture, change: Callable[[Model], object]
) -> None:
    model.load()
    change(model)
    model.number = 2
    caplog.clear()
    assert [model.load(), model.load()] == [2, 2]
    assert model.made == 2
    assert told(caplog) == [
        f"{model.beside} is not used: made from other files, or by another version",
        f"the weights are packed in {model.beside}, 0 MB",
    ]


def test_nothing_damaged_is_used(model: Model) -> None:
    model.load()
    whole = model.beside.read_bytes()
    padding = {at for at in range(128, len(whole)) if at not in held(model.beside, len(whole))}
    for at in range(len(whole)):
        if at in padding:
            continue
        model.beside.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        made = model.made
        assert model.load() == 1
        assert model.made == made + 1
        assert model.beside.read_bytes() == whole
    for length in range(0, len(whole), 7):
        model.beside.write_bytes(whole[:length])
        assert model.load() == 1
        assert model.beside.read_bytes() == whole


def held(path: Path, size: int) -> set[int]:
    """Offsets of arrays and table."""
    entries = open_packed(path).entries
    table = range(entries[-1].offset + entries[-1].size, size)
    return {*table, *(at for entry in entries for at in range(entry.offset, entry.offset + entry.size))}


def test_large_files_are_not_read_at_each_load(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    model.load()
    monkeypatch.setattr(packed_cache, "VERIFIED_BYTES", 10)
    data = bytearray(model.beside.read_bytes())
    data[128] = 9
    model.beside.write_bytes(data)
    assert packed_arrays(model.origin, model.make)["a"][0, 0] == 9


def test_the_cache_takes_what_the_models_folder_does_not(
    model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    model.close_beside()
    assert [model.load(), model.load()] == [1, 1]
    assert model.made == 1
    (path,) = model.cache.iterdir()
    assert path.name.startswith("model-")
    assert path.name.endswith("-midfill-bf16.packed")
    assert stat.S_IMODE(model.cache.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert told(caplog) == [f"the weights are packed in {path}, 0 MB"]


def test_models_of_one_name_have_their_own_files_in_the_cache(model: Model, tmp_path: Path) -> None:
    other = replace(model, folder=tmp_path / "other" / "model", number=2)
    other.folder.mkdir(parents=True)
    for source in model.origin.sources:
        (other.folder / source.name).write_bytes(source.read_bytes())
    for each in (model, other):
        each.close_beside()
        each.load()
    assert [model.load(), other.load()] == [1, 2]
    assert (model.made, other.made) == (1, 1)


def test_without_a_place_to_write_the_weights_are_packed_in_memory(
    model: Model, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.close_beside()
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    assert [model.load(), model.load()] == [1, 1]
    assert model.made == 2
    line = "the weights are packed in memory, at each start anew: "
    assert all(text.startswith(line) for text in told(caplog))
    assert f"{model.beside}: Is a directory; /dev/null/midfill/model-" in told(caplog)[0]
    assert told(caplog)[0].endswith(": Not a directory")


def test_a_user_without_a_home_has_no_cache(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "not absolute")

    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    assert packed_cache.cache_folder() is None
    assert model.origin.places == (model.beside,)
    model.close_beside()
    assert model.load() == 1


def test_a_cache_that_others_can_write_is_not_used(model: Model, caplog: pytest.LogCaptureFixture) -> None:
    model.close_beside()
    model.cache.mkdir(parents=True)
    model.cache.chmod(0o755)
    assert model.load() == 1
    assert not list(model.cache.iterdir())
    assert f"chmod 700 {model.cache}" in told(caplog)[0]


def test_a_disk_that_fills_up_leaves_nothing_behind(
    model: Model, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file, key, arrays) -> None:
        write_packed(file, key, arrays)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(packed_cache, "write_packed", full)
    assert model.load() == 1
    assert "midfill-bf16.packed: No space left on device; " in told(caplog)[0]
    assert len(list(model.folder.iterdir())) == 2
    assert not list(model.cache.iterdir())


def test_a_disk_that_is_nearly_full_is_left_alone(
    model: Model, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda folder: SimpleNamespace(f_bavail=2, f_frsize=100_000))
    assert model.load() == 1
    assert not model.beside.exists()
    assert "0 MB of disk are free, 0 MB may be needed" in told(caplog)[0]


def test_a_disk_that_does_not_keep_what_is_written_is_not_used(
    model: Model, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(file, key, arrays) -> None:
        write_packed(file, key, arrays)
        file.seek(128)
        file.write(b"\xff")
        file.flush()

    monkeypatch.setattr(packed_cache, "write_packed", lose)
    assert model.load() == 1
    assert "a is damaged" in told(caplog)[0]
    assert len(list(model.folder.iterdir())) == 2


def test_what_is_wrong_with_the_model_is_told_and_leaves_nothing_behind(model: Model) -> None:
    def broken() -> Iterator[tuple[str, Array]]:
        yield from model.make()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        packed_arrays(model.origin, broken)
    assert len(list(model.folder.iterdir())) == 2


def test_a_file_of_another_user_is_not_trusted(
    model: Model, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.load()
    theirs = os.geteuid() + 1
    with monkeypatch.context() as patch:
        patch.setattr(packed_cache, "open_packed", lambda path: replace(open_packed(path), owner=theirs))
        assert packed_cache.found(model.beside, model.origin, model.origin.key()) is None
    assert f"it belongs to user {theirs}, who is not the model's owner" in told(caplog)[-1]


def test_a_file_that_another_user_has_laid_ready_is_not_written(
    model: Model, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    partial = model.beside.with_name(model.beside.name + ".partial")
    partial.write_bytes(b"theirs")
    theirs = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: theirs + 1)
    assert model.load() == 1
    assert f"{partial.name} belongs to another user; " in told(caplog)[0]
    assert partial.read_bytes() == b"theirs"


@pytest.mark.parametrize(("mode", "expected"), [(0o644, 0o644), (0o600, 0o600), (0o444, 0o644)])
def test_the_file_is_open_to_those_who_may_read_the_model(model: Model, mode: int, expected: int) -> None:
    (model.folder / "model.safetensors").chmod(mode)
    model.load()
    assert stat.S_IMODE(model.beside.stat().st_mode) == expected


def test_what_a_killed_process_left_is_written_over(model: Model) -> None:
    partial = model.beside.with_name(model.beside.name + ".partial")
    partial.write_bytes(b"x" * 100_000)
    assert [model.load(), model.load()] == [1, 1]
    assert (model.made, partial.exists()) == (1, False)


def test_nobody_waits_for_a_process_that_is_writing(model: Model, caplog: pytest.LogCaptureFixture) -> None:
    partial = model.beside.with_name(model.beside.name + ".partial")
    with partial.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert model.load() == 1
    assert told(caplog) == [
        f"the weights are packed in memory, at each start anew: {model.beside}: another process is writing it"
    ]
    assert not model.cache.exists()
    assert partial.exists()


def test_a_file_that_was_finished_meanwhile_is_taken(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def finish_first(file, operation) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        model.beside.with_name(model.beside.name + ".partial").unlink()
        model.load()

    lock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", finish_first)
    model.number = 3
    assert model.load() == 3
    assert model.made == 1


def test_processes_that_start_at_once_all_have_the_weights(model: Model) -> None:
    program = (
        "import sys, pathlib, numpy as np\n"
        "from inference.models.packed_cache import Origin, packed_arrays\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "origin = Origin(folder, 'x', (folder / 'config.json', folder / 'model.safetensors'), {})\n"
        "def make():\n"
        "    for name in 'abcd':\n"
        "        yield name, np.full(1 << 18, ord(name), np.uint16)\n"
        "print(flush=True)\n"
        "sys.stdin.readline()\n"
        "for _ in range(20):\n"
        "    arrays = packed_arrays(origin, make)\n"
        "    assert all((array == ord(name)).all() and array.size for name, array in arrays.items())\n"
        "    (folder / 'x.packed').unlink(missing_ok=True)\n"
        "packed_arrays(origin, make)\n"
        "assert len(arrays) == 4\n"
    )
    command = [sys.executable, "-c", program, str(model.folder)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()  # it is ready
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert not list(model.folder.glob("*.partial"))
    assert not model.cache.exists()
