"""Where a model's packed file is: beside it, or in the user's cache where nothing can be written there.

The file is made by the first process that finds none which fits, and replaced whole: written under another
name, synced and renamed. Whoever writes holds a lock on that other name; a process that finds it locked packs
in memory and waits for nobody. No disk that is full or closed is an error: packing in memory costs but time.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from inference.models.packed_file import Array, PackedFile, PackedFileError, open_packed, write_packed
from inference.rendezvous import UnsafeDirectoryError, check_private

log = logging.getLogger(__name__)

VERIFIED_BYTES = 64 << 20
"""Files of no more arrays than this are read whole at each load: CRC-32 takes 0.5 ms a megabyte, so the
model that ships (22 MB) 11 ms. Of larger ones header and table are checked, and `midfill doctor` reads the
rest."""
_SAMPLES = 16
_SAMPLE_BYTES = 4096

Make = Callable[[], Iterable[tuple[str, Array]]]


@dataclass(frozen=True, slots=True)
class Origin:
    """What packed weights are made from, and how.

    Attributes:
        folder: the model's, where the file is to lie.
        name: of the file, without a suffix: "midfill-int8".
        sources: every file that the weights depend on.
        recipe: whatever else they depend on: layout, precision.
    """

    folder: Path
    name: str
    sources: tuple[Path, ...]
    recipe: Mapping[str, str | int]

    def key(self) -> bytes:
        """32 bytes that change with the sources and the recipe. Raises OSError.

        A source counts by name, size, time of change and 16 blocks of 4 KiB spread over it: installers give
        every file one time, and two versions of a model may have one size.
        """
        told = [[path.name, *_fingerprint(path)] for path in self.sources]
        return hashlib.sha256(json.dumps([told, dict(self.recipe)], sort_keys=True).encode()).digest()

    @property
    def places(self) -> tuple[Path, ...]:
        """Where the file may be, the first to be preferred."""
        beside = self.folder / f"{self.name}.packed"
        cache = cache_folder()
        if cache is None:
            return (beside,)
        whole = os.fsencode(self.folder.resolve())
        readable = re.sub(r"[^A-Za-z0-9._-]", "-", self.folder.resolve().name)[:24]
        return beside, cache / f"{readable}-{hashlib.sha256(whole).hexdigest()[:16]}-{self.name}.packed"


def cache_folder() -> Path | None:
    """$XDG_CACHE_HOME/midfill, or the same in the user's home; None for a user without one."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if cache.is_absolute():
        return cache / "midfill"
    try:
        return Path.home() / ".cache" / "midfill"
    except RuntimeError:  # HOME is not set, and the user database does not know the user
        return None


def packed_arrays(origin: Origin, make: Make) -> dict[str, Array]:
    """The arrays that `make` gives: mapped from a file that they were written to before, if there is one that
    fits `origin`, and otherwise made, written and mapped; in memory where that cannot be.

    Raises:
        OSError: a source cannot be read.
        Whatever `make` raises but an OSError.
    """
    key = origin.key()
    for place in origin.places:
        if (packed := found(place, origin, key)) is not None:
            return packed.arrays()
    reasons = []
    for place in origin.places:
        try:
            packed = _write(place, origin, key, make)
        except _BusyError as busy:
            if (packed := found(place, origin, key)) is not None:
                return packed.arrays()
            reasons.append(f"{place}: {busy}")
            break  # not into the cache: this file will be there at the next start
        except (OSError, UnsafeDirectoryError, PackedFileError) as error:
            reasons.append(f"{place}: {_reason(error)}")
            continue
        log.info("the weights are packed in %s, %.0f MB", place, packed.data_bytes / 1e6)
        return packed.arrays()
    log.warning("the weights are packed in memory, at each start anew: %s", "; ".join(reasons))
    return dict(make())


def found(place: Path, origin: Origin, key: bytes) -> PackedFile | None:
    """The file at `place` if it fits and is whole; where it is there but cannot be used the log says why."""
    try:
        packed = open_packed(place)
        # Whoever may write beside a model may as well change it; but a folder may be open to all, as /tmp is.
        if packed.owner not in (0, os.geteuid(), origin.sources[0].stat().st_uid):
            raise PackedFileError(f"it belongs to user {packed.owner}, who is not the model's owner")
        if packed.key != key:
            raise PackedFileError("made from other files, or by another version")
        if packed.data_bytes <= VERIFIED_BYTES:
            packed.verify()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (PackedFileError, OSError) as error:
        log.info("%s is not used: %s", place, _reason(error))
        return None
    return packed


def _write(place: Path, origin: Origin, key: bytes, make: Make) -> PackedFile:
    """Raises OSError, UnsafeDirectoryError, PackedFileError, what `make` raises."""
    is_cache = place.parent != origin.folder
    if is_cache:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private(place.parent)
    _check_room(place.parent, origin)
    with _partial(place) as (file, partial):
        # Readable by whoever may read the model, and nobody else.
        os.fchmod(file.fileno(), 0o600 if is_cache else _mode(origin.sources))
        write_packed(file, key, make())
        os.fsync(file.fileno())
        packed = open_packed(partial)
        packed.verify()
        partial.replace(place)
    return packed


@contextmanager
def _partial(place: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """An empty file beside `place` that nobody else writes; removed in the end unless it was renamed.

    Raises OSError, and _BusyError where another process writes it.
    """
    path = place.with_name(place.name + ".partial")
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "r+b") as file:
        if os.fstat(file.fileno()).st_uid != os.geteuid():  # who could go on writing what we have mapped
            raise OSError(errno.EPERM, f"{path.name} belongs to another user")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _BusyError("another process is writing it") from error
        # Between opening and locking it may have been finished and renamed: then others have it mapped.
        if not _is_at(file, path):
            raise _BusyError("another process has just written it")
        try:
            file.truncate(0)  # what a process that was killed has left
            yield file, path
        finally:
            if _is_at(file, path):
                path.unlink()


class _BusyError(Exception):
    """Another process makes the same file."""


def _is_at(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.lstat())
    except FileNotFoundError:
        return False


def _check_room(folder: Path, origin: Origin) -> None:
    """Packed weights take no more than those they are made from, but for the angles of positions. To find
    out by filling the disk would be found out by everyone else on it. Raises OSError."""
    needed = sum(path.stat().st_size for path in origin.sources)
    disk = os.statvfs(folder)
    if (free := disk.f_bavail * disk.f_frsize) < needed:
        text = f"{free / 1e6:.0f} MB of disk are free, {needed / 1e6:.0f} MB may be needed"
        raise OSError(errno.ENOSPC, text)


def _mode(sources: Iterable[Path]) -> int:
    mode = 0o644
    for path in sources:
        mode &= path.stat().st_mode
    return mode | 0o600


def _fingerprint(path: Path) -> tuple[int, int, str]:
    """Size, time of change and a hash of blocks spread over the file. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        step = max(_SAMPLE_BYTES, (status.st_size - _SAMPLE_BYTES) // (_SAMPLES - 1))
        for at in range(0, status.st_size, step):
            file.seek(at)
            digest.update(file.read(_SAMPLE_BYTES))
    return status.st_size, status.st_mtime_ns, digest.hexdigest()


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
