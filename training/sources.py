"""The sources of the corpus: the manifest that names them, their licences, and their files."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ALLOWED = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "PSF-2.0", "ISC"}
_EVIDENCE = {
    "Apache-2.0": re.compile(r"apache license", re.IGNORECASE),
    "MIT": re.compile(r"permission is hereby granted, free of charge", re.IGNORECASE),
    "BSD-2-Clause": re.compile(r"redistribution\s+and\s+use\s+in\s+source\s+and\s+binary", re.IGNORECASE),
    "BSD-3-Clause": re.compile(
        r"redistribution\s+and\s+use\s+(of this software )?in\s+source\s+and\s+binary", re.IGNORECASE
    ),
    "ISC": re.compile(r"permission to use, copy, modify, and(/or)? distribute", re.IGNORECASE),
    "PSF-2.0": re.compile(r"python software foundation license", re.IGNORECASE),
}
_LICENCE_FILE = re.compile(r"(licen[cs]e|copying)([-.].*)?$", re.IGNORECASE)


class SourceError(RuntimeError):
    """A source that is missing, at another version, or whose licence is not the one the manifest names."""


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of the manifest. `version` is a commit, a package version, or a Python version.

    `passes` is how often its files are made into examples: below one, a random part of them.
    """

    kind: str
    name: str
    version: str
    licence: str
    held_out: bool = False
    passes: float = 1.0


def read_manifest(path: Path) -> list[Source]:
    """The sources in the manifest's order.

    Raises:
        SourceError: a field is missing or a licence is not a permissive one.
    """
    with path.open("rb") as file:
        entries = tomllib.load(file)["source"]
    sources = []
    for entry in entries:
        try:
            source = Source(**entry)
        except TypeError as error:
            raise SourceError(f"{path}: {entry.get('name', entry)}: {error}") from error
        if source.licence not in ALLOWED:
            raise SourceError(
                f"{path}: {source.name}: licence {source.licence} is not one of {sorted(ALLOWED)}"
            )
        sources.append(source)
    return sources


def read_source(source: Source, checkouts: Path) -> Iterator[tuple[str, bytes]]:
    """The Python files of `source` as (path, bytes), sorted by path, its licence checked first."""
    match source.kind:
        case "git":
            yield from _read_git(source, checkouts)
        case "package":
            yield from _read_package(source)
        case "stdlib":
            yield from _read_stdlib(source)
        case _:
            raise SourceError(f"{source.name}: unknown kind {source.kind!r}")


def _git(directory: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", "--git-dir", str(directory), *arguments], capture_output=True, check=False)
    if done.returncode:
        raise SourceError(f"{directory}: git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def git_directory(name: str, checkouts: Path) -> Path:
    base = checkouts / name.replace("/", "+")
    for candidate in (base / "repo", base / "repo" / ".git", base / ".git", base):
        if (candidate / "HEAD").is_file():
            return candidate
    raise SourceError(f"{name}: no checkout at {base}")


def _read_git(source: Source, checkouts: Path) -> Iterator[tuple[str, bytes]]:
    directory = git_directory(source.name, checkouts)
    listing = _git(directory, "ls-tree", "-r", "-z", source.version).decode("utf-8", "replace")
    blobs = {}
    for row in filter(None, listing.split("\0")):
        meta, path = row.split("\t", 1)
        mode, kind, sha = meta.split()
        if kind == "blob" and mode != "120000":
            blobs[path] = sha
    licences = [path for path in blobs if _LICENCE_FILE.match(path)]
    _check_licence(
        source,
        [_git(directory, "cat-file", "blob", blobs[path]).decode("utf-8", "replace") for path in licences],
    )
    paths = sorted(path for path in blobs if path.endswith(".py"))
    with subprocess.Popen(
        ["git", "--git-dir", str(directory), "cat-file", "--batch"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - for the type checker
        for path in paths:
            process.stdin.write(f"{blobs[path]}\n".encode())
            process.stdin.flush()
            header = process.stdout.readline().split()
            if header[1] == b"missing":  # a partial clone leaves its largest files out
                continue
            yield path, process.stdout.read(int(header[2]))
            process.stdout.read(1)
        process.stdin.close()


def _read_package(source: Source) -> Iterator[tuple[str, bytes]]:
    try:
        distribution = importlib.metadata.distribution(source.name)
    except importlib.metadata.PackageNotFoundError as error:
        raise SourceError(
            f"{source.name}: not installed; pip install {source.name}=={source.version}"
        ) from error
    if distribution.version.split("+")[0] != source.version:
        raise SourceError(
            f"{source.name}: version {distribution.version} is installed, the manifest says {source.version}"
        )
    files = distribution.files or []
    licences = [file for file in files if _LICENCE_FILE.match(file.name) and ".dist-info" in str(file)]
    _check_licence(source, [file.read_text() for file in licences])
    for file in sorted(files):
        if file.suffix == ".py":
            yield str(file), Path(str(file.locate())).read_bytes()


def _read_stdlib(source: Source) -> Iterator[tuple[str, bytes]]:
    root = Path(sysconfig.get_path("stdlib"))
    if sysconfig.get_python_version() != source.version:
        raise SourceError(
            f"{source.name}: the manifest says {source.version}, this is {sysconfig.get_python_version()}"
        )
    _check_licence(source, [path.read_text() for path in root.glob("LICENSE*")])
    for path in sorted(root.rglob("*.py")):
        if "site-packages" not in path.parts and "dist-packages" not in path.parts:
            yield str(path.relative_to(root)), path.read_bytes()


def _check_licence(source: Source, texts: list[str]) -> None:
    if not texts:
        raise SourceError(f"{source.name}: no licence file")
    if not any(_EVIDENCE[source.licence].search(text) for text in texts):
        raise SourceError(f"{source.name}: its licence file is not {source.licence}")
