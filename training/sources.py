"""The sources of the corpus: the manifest that names them, their licences, and their files."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import subprocess
import sysconfig
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from training.languages import LANGUAGES, Language, language_of
from training.licences import ALLOWED, is_permissive, proves

_LICENCE_FILE = re.compile(r"(licen[cs]e|copying)([-.].*)?$", re.IGNORECASE)
_FOLDER_LICENCE = re.compile(
    r"(?P<folder>.+)/(un)?(licen[cs]e|copying)([-_][\w.-]+)?"
    r"(\.(txt|md|rst|rtf|docx?|html|lesser|lib|(mit|bsd|isc|apache|mpl|[al]?gpl)[\w.-]*))?",
    re.IGNORECASE,
)


class SourceError(RuntimeError):
    """A source that is missing, at another version, or whose licence is not the one the manifest names."""


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of the manifest. `version` is a commit, a package version, or a Python version.

    `passes` is how often its files are made into examples: below one, a random part of them. Files of
    `languages` are read, of a checkout under `folders` alone if there are any. `evidence` is the file in a
    checkout's root that has to be the licence; where it is named, folders with a licence file of their own
    that is not a permissive one are left out. `part` names a part of the corpus that is counted by itself.
    """

    kind: str
    name: str
    version: str
    licence: str
    held_out: bool = False
    passes: float = 1.0
    languages: tuple[str, ...] = ("python",)
    folders: tuple[str, ...] = ()
    evidence: str = ""
    part: str = ""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a source; the path is relative to the source's root."""

    path: str
    language: Language
    data: bytes


def read_manifest(path: Path) -> list[Source]:
    """The sources in the manifest's order.

    Raises:
        SourceError: a field is missing, a language is unknown, or a licence is not a permissive one.
    """
    with path.open("rb") as file:
        entries = tomllib.load(file)["source"]
    sources = []
    for entry in entries:
        lists = {key: tuple(entry[key]) for key in ("languages", "folders") if key in entry}
        try:
            source = Source(**{**entry, **lists})
        except TypeError as error:
            raise SourceError(f"{path}: {entry.get('name', entry)}: {error}") from error
        if source.licence not in ALLOWED:
            raise SourceError(
                f"{path}: {source.name}: licence {source.licence} is not one of {sorted(ALLOWED)}"
            )
        if unknown := set(source.languages) - set(LANGUAGES):
            raise SourceError(f"{path}: {source.name}: unknown languages {sorted(unknown)}")
        sources.append(source)
    return sources


def read_source(source: Source, checkouts: Path) -> Iterator[SourceFile]:
    """The files of `source` in the languages it is read for, sorted by path, its licence checked first.

    Raises:
        SourceError: see there.
    """
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


def _read_git(source: Source, checkouts: Path) -> Iterator[SourceFile]:
    directory = git_directory(source.name, checkouts)
    listing = _git(directory, "ls-tree", "-r", "-z", source.version).decode("utf-8", "replace")
    blobs = {}
    for row in filter(None, listing.split("\0")):
        meta, path = row.split("\t", 1)
        mode, kind, sha = meta.split()
        if kind == "blob" and mode != "120000":
            blobs[path] = sha

    def text(path: str) -> str:
        return _git(directory, "cat-file", "blob", blobs[path]).decode("utf-8", "replace")

    foreign: tuple[str, ...] = ()
    if source.evidence:
        _check_evidence(source, text(source.evidence) if source.evidence in blobs else None)
        foreign = _foreign_folders(blobs, text)
    else:
        _check_licence(source, [text(path) for path in blobs if _LICENCE_FILE.match(path)])
    folders = tuple(f"{folder}/" for folder in source.folders)
    if missing := [folder for folder in folders if not any(path.startswith(folder) for path in blobs)]:
        raise SourceError(f"{source.name}: no folders {missing}")
    chosen = {
        path: language
        for path in sorted(blobs)
        if (language := language_of(path, source.languages))
        and path.startswith(folders or ("",))
        and not (foreign and path.startswith(foreign))
    }
    with subprocess.Popen(
        ["git", "--git-dir", str(directory), "cat-file", "--batch"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - for the type checker
        for path, language in chosen.items():
            process.stdin.write(f"{blobs[path]}\n".encode())
            process.stdin.flush()
            header = process.stdout.readline().split()
            if header[1] == b"missing":  # a partial clone leaves its largest files out
                continue
            yield SourceFile(path, language, process.stdout.read(int(header[2])))
            process.stdout.read(1)
        process.stdin.close()


def _read_package(source: Source) -> Iterator[SourceFile]:
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
        if language := language_of(str(file), source.languages):
            yield SourceFile(str(file), language, Path(str(file.locate())).read_bytes())


def _read_stdlib(source: Source) -> Iterator[SourceFile]:
    root = Path(sysconfig.get_path("stdlib"))
    if sysconfig.get_python_version() != source.version:
        raise SourceError(
            f"{source.name}: the manifest says {source.version}, this is {sysconfig.get_python_version()}"
        )
    _check_licence(source, [path.read_text() for path in root.glob("LICENSE*")])
    for path in sorted(root.rglob("*")):
        language = language_of(path.name, source.languages)
        if language and not {"site-packages", "dist-packages"}.intersection(path.parts) and path.is_file():
            yield SourceFile(str(path.relative_to(root)), language, path.read_bytes())


def _check_licence(source: Source, texts: list[str]) -> None:
    if not texts:
        raise SourceError(f"{source.name}: no licence file")
    if not any(proves(source.licence, text) for text in texts):
        raise SourceError(f"{source.name}: its licence file is not {source.licence}")


def _check_evidence(source: Source, text: str | None) -> None:
    if text is None:
        raise SourceError(f"{source.name}: no file {source.evidence}")
    if not (proves(source.licence, text) and is_permissive(text)):
        raise SourceError(f"{source.name}: {source.evidence} is not {source.licence}")


def _foreign_folders(paths: Iterable[str], text: Callable[[str], str]) -> tuple[str, ...]:
    """The folders, with a slash behind, that have licence files of their own and no permissive one."""
    permissive: dict[str, bool] = {}
    for path in paths:
        if found := _FOLDER_LICENCE.fullmatch(path):
            folder = found["folder"] + "/"
            permissive[folder] = permissive.get(folder, False) or is_permissive(text(path))
    return tuple(folder for folder, allowed in permissive.items() if not allowed)
