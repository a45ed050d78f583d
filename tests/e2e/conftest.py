"""Real editors, with a real home of their own in a temporary directory."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from inference.transport import peer_credentials
from tests.e2e import scripted_server
from tests.e2e.browser import Browser
from tests.e2e.code_server import CodeServer
from tests.e2e.fetch_editors import REPOSITORY, Editors, FetchError, cache_directory, fetch_editors
from tests.e2e.neovim import Neovim

STATISTICS = '''\
"""Small statistics."""


def total(values):
    """Return the sum of the values."""
    return sum(values)


def mean(values):
    """Return the arithmetic mean of the values."""
'''

SHAPES = '''\
"""Shapes."""


def area(width, height):
    return width * height


def perimeter(width, height):
    """Return the length of the border of a rectangle."""
    pass
'''

NEOVIM_SIZE = (96, 24)


@pytest.fixture(scope="session")
def editors() -> Editors:
    """All that is fetched, or a failure that says what could not be."""
    try:
        return fetch_editors(cache_directory())
    except FetchError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def browser(editors: Editors) -> Iterator[Browser]:
    with Browser(editors) as browser:
        yield browser


@pytest.fixture(scope="session")
def home() -> Iterator[Callable[[Path | None], dict[str, str]]]:
    """Makes homes in which nothing was ever set up, with a program as ~/.local/bin/midfill or none.

    Gives the environment of such a home. In the end, ends the workers that were started in them.
    """
    root = Path(tempfile.mkdtemp(prefix="mf"))  # short: a socket's path has at most 107 bytes
    numbers = itertools.count()

    def make(program: Path | None) -> dict[str, str]:
        home = root / str(next(numbers))
        programs, runtime = home / ".local" / "bin", home / "run"
        programs.mkdir(parents=True)
        runtime.mkdir(mode=0o700)
        if program is not None:
            (programs / "midfill").symlink_to(program)
        (home / ".profile").write_text('PATH="$HOME/.local/bin:$PATH"\n')  # VS Code asks a login shell
        return {
            **{name: os.environ[name] for name in ("LANG", "OMP_NUM_THREADS") if name in os.environ},
            "HOME": str(home),
            "PATH": f"{programs}{os.pathsep}/usr/local/bin:/usr/bin:/bin",
            "TERM": "xterm-256color",
            "XDG_RUNTIME_DIR": str(runtime),
        }

    yield make
    for path in root.glob("*/run/midfill/*.sock"):
        with socket.socket(socket.AF_UNIX) as worker:
            worker.connect(str(path))
            os.kill(peer_credentials(worker)[0], signal.SIGTERM)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session")
def nothing(home: Callable[[Path | None], dict[str, str]]) -> dict[str, str]:
    """An environment without midfill."""
    return home(None)


@pytest.fixture(scope="session")
def midfill(home: Callable[[Path | None], dict[str, str]]) -> dict[str, str]:
    """An environment with the real midfill, and so the model that ships."""
    return home(Path(sys.executable).parent / "midfill")


@pytest.fixture(scope="session")
def scripted(
    home: Callable[[Path | None], dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """An environment with the scripted server in the place of midfill."""
    program = tmp_path_factory.mktemp("scripted") / "midfill"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{scripted_server.__file__}" "$@"\n')
    program.chmod(0o755)
    return home(program)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project: files to complete, for code actions, and one that the scripted server finds fault with."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "statistics.py").write_text(STATISTICS)
    (folder / "shapes.py").write_text(SHAPES)
    (folder / "damaged.py").write_text("")
    return folder


@pytest.fixture
def code_server(
    editors: Editors, browser: Browser, tmp_path: Path, folder: Path
) -> Callable[..., CodeServer]:
    def start(environment: Mapping[str, str]) -> CodeServer:
        return CodeServer(editors, browser, environment, tmp_path / "code-server", folder)

    return start


@pytest.fixture
def neovim(editors: Editors, folder: Path) -> Callable[..., Neovim]:
    """Starts Neovim with the plugin on the runtime path and nothing else."""

    def start(environment: Mapping[str, str], settings: str = "{}") -> Neovim:
        runtime = f"set runtimepath^={REPOSITORY / 'editors' / 'neovim'}"
        setup = f"lua require('midfill').setup({{ settings = {settings} }})"
        argv = [*editors.neovim, "--clean", "--cmd", runtime, "-c", setup]
        return Neovim(argv, {**environment, **editors.neovim_environment}, folder, NEOVIM_SIZE)

    return start


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: `$MIDFILL_PICTURES`, such as docs/images, or a directory that is thrown away."""
    chosen = os.environ.get("MIDFILL_PICTURES")
    directory = REPOSITORY / chosen if chosen else tmp_path_factory.mktemp("pictures")
    directory.mkdir(parents=True, exist_ok=True)
    return directory
