"""The demo's scenes, and the demo itself as a process, with a model whose text is known."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.demo import SCENES, Scene

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    folder = tempfile.mkdtemp(prefix="mf")
    yield {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
    shutil.rmtree(folder)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.title)
def test_a_scene_cuts_its_file_where_it_says(scene: Scene) -> None:
    text, at = scene.cut()
    assert text[:at].endswith(scene.before)
    assert not text[at:].startswith(scene.hidden)
    assert scene.typed <= len(scene.before)


def test_a_scene_whose_file_has_changed_is_refused() -> None:
    with pytest.raises(ValueError, match="not exactly once"):
        Scene("", "intervals.py", "return", " ").cut()


def test_the_scenes_are_the_promised_ones() -> None:
    titles = " ".join(scene.title for scene in SCENES)
    for kind in ("middle of a line", "empty body", "inside a call", "Chinese comment"):
        assert kind in titles


def test_demo_shows_every_scene(
    make_scripted_model: Callable[[str], Path], environment: dict[str, str]
) -> None:
    model = make_scripted_model(" self.name\n")
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.demo", "--model", str(model)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("model: tiny on cpu\n")
    for scene in SCENES:
        assert f"{scene.file}: {scene.title}\n" in run.stdout
    assert run.stdout.count("self.name⟧") == len(SCENES)
    assert run.stdout.count("prompt tokens reused") == len(SCENES)
    assert "\x1b" not in run.stdout


def test_demo_without_a_model_says_so(tmp_path: Path, environment: dict[str, str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.demo", "--model", str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 1
    assert f"demo: {tmp_path}" in run.stderr
    assert "Traceback" not in run.stderr
