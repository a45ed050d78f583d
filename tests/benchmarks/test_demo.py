"""The demo's scenes, and the demo itself as a process, with a model whose text is known."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.demo import SCENES, Scene

Run = Callable[..., subprocess.CompletedProcess[str]]


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


def test_demo_shows_every_scene(make_scripted_model: Callable[[str], Path], run: Run) -> None:
    demo = run("demo", "--model", str(make_scripted_model(" self.name\n")))
    assert demo.returncode == 0, demo.stderr
    assert demo.stdout.startswith("model: tiny on cpu\n")
    for scene in SCENES:
        assert f"{scene.file}: {scene.title}\n" in demo.stdout
    # Inside the call there is no self.
    assert demo.stdout.count("self.name⟧") == len(SCENES) - 1
    assert demo.stdout.count("prompt tokens reused") == len(SCENES) - 1
    assert demo.stdout.count("nothing to show") == 1
    assert "\x1b" not in demo.stdout


def test_demo_without_a_model_says_so(tmp_path: Path, run: Run) -> None:
    demo = run("demo", "--model", str(tmp_path))
    assert demo.returncode == 1
    assert f"demo: {tmp_path}" in demo.stderr
    assert "Traceback" not in demo.stderr
