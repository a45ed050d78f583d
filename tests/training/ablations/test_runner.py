from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from training.ablations.__main__ import CLAIMS, compare, seeds
from training.ablations.arm import Arm, Claim, Result
from training.ablations.ordinary import ORDINARY
from training.ablations.setting import Setting
from training.ablations.table import Difference, differences, table, verdict
from training.train import Run

MIDDLES = {("old way", 1): 3.0, ("old way", 2): 3.1, ("new way", 1): 2.9, ("new way", 2): 3.002}


@pytest.fixture
def counted() -> tuple[Claim, list[tuple[str, int]]]:
    """A claim whose arms note that they run."""
    ran: list[tuple[str, int]] = []

    def arm(name: str) -> Arm:
        def run(setting: Setting, seed: int, folder: Path) -> Result:
            ran.append((name, seed))
            assert folder.is_dir()
            return Result(tokens=2_000_000, flops=1e12, exact=0.1, similarity=0.3, middle=MIDDLES[name, seed])

        return Arm(name, run)

    return Claim("new", arm("old way"), arm("new way")), ran


def test_finished_arms_are_skipped(
    make_setting: Callable[..., Setting],
    counted: tuple[Claim, list[tuple[str, int]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    claim, ran = counted
    setting = make_setting()
    compare(setting, [claim], [1])
    assert ran == [("old way", 1), ("new way", 1)]
    written = compare(setting, [claim], [1, 2])
    assert ran[2:] == [("old way", 2), ("new way", 2)]
    assert "[1/4] new: old way, seed 1: is finished" in capsys.readouterr().out
    assert (setting.out / "table.md").read_text() == written
    assert "| new | new way | 2 | 2.00M | 1e+12 | 3.0020 | 10.0% | 30.0% |" in written
    assert "- new (seeds: 2): middle -0.0990 ± 0.0010" in written
    assert written.rstrip().endswith("pays")


def test_an_arm_that_was_broken_off_runs_again(make_setting: Callable[..., Setting], tmp_path: Path) -> None:
    setting, calls = make_setting(), []

    def run(setting: Setting, seed: int, folder: Path) -> Result:
        calls.append(sorted(path.name for path in folder.iterdir()))
        (folder / "checkpoint.safetensors").write_text("half")
        if len(calls) == 1:
            raise KeyboardInterrupt
        return Result(1, 1.0, 0.0, 0.0)

    arm = Arm("broken off", run)
    with pytest.raises(KeyboardInterrupt):
        arm.finish(setting, 3)
    arm.finish(setting, 3)
    assert calls == [[], ["checkpoint.safetensors"]]
    assert [path.name for path in arm.folder(setting, 3).iterdir()] == ["result.json"]


def test_a_run_that_was_stopped_goes_on(
    make_setting: Callable[..., Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    setting, step, steps = make_setting(), Run.train_step, []

    def stopping(run: Run) -> dict[str, float]:
        figures = step(run)
        steps.append(run.step)
        if len(steps) == 2:
            signal_raise()
        return figures

    monkeypatch.setattr(Run, "train_step", stopping)
    with pytest.raises(SystemExit, match="the same command goes on"):
        ORDINARY.finish(setting, 1)
    result = ORDINARY.finish(setting, 1)
    assert steps == [1, 2, 3, 4, 5, 6]
    assert result.tokens == 6 * 2 * 512
    assert result.middle is not None and 0 < result.middle < 12


def signal_raise() -> None:
    import signal

    signal.raise_signal(signal.SIGTERM)


def test_results_of_another_setting_are_refused(
    make_setting: Callable[..., Setting], counted: tuple[Claim, list[tuple[str, int]]]
) -> None:
    compare(make_setting(), [counted[0]], [1])
    compare(make_setting(kernels="auto"), [counted[0]], [1])
    with pytest.raises(SystemExit, match="tokens = 6144, not 99"):
        compare(make_setting(tokens=99), [counted[0]], [1])


@pytest.mark.parametrize(
    ("values", "mean", "error", "sign"),
    [((0.1, 0.2), 0.15, 0.05, 0), ((-0.2, -0.22, -0.24), -0.22, 0.0115470, -1), ((0.5,), 0.5, None, 0)],
)
def test_differences(values: tuple[float, ...], mean: float, error: float | None, sign: int) -> None:
    found = Difference.of(values)
    assert found.mean == pytest.approx(mean)
    assert found.error == (None if error is None else pytest.approx(error, rel=1e-5))
    assert found.sign() == sign


def result(middle: float, exact: float, humaneval: float | None = None) -> Result:
    return Result(1, 1.0, exact=exact, similarity=0.5, middle=middle, humaneval=humaneval)


@pytest.mark.parametrize(
    ("treatments", "expected"),
    [
        ([(2.9, 0.1), (2.91, 0.1)], "pays"),
        ([(3.1, 0.1), (3.11, 0.1)], "does not pay"),
        ([(2.9, 0.05), (2.91, 0.051)], "does not pay"),  # one better, one worse
        ([(2.9, 0.1), (2.96, 0.1)], "does not pay"),  # two seeds are not much
        ([(2.5, 0.1), (3.4, 0.1)], "does not pay"),  # by chance
        ([(2.0, 0.9)], "one seed tells nothing"),
    ],
)
def test_a_claim_pays_where_something_is_better_and_nothing_worse(
    treatments: list[tuple[float, float]], expected: str
) -> None:
    pairs = [(result(3.0, 0.1), result(*treatment)) for treatment in treatments]
    assert verdict(differences(pairs)) == expected


def test_scores_that_are_missing_are_not_compared() -> None:
    pairs = [(result(3.0, 0.1, 0.2), result(3.0, 0.1, 0.3)), (result(3.0, 0.1), result(3.0, 0.1))]
    assert set(differences(pairs)) == {"middle", "exact", "similarity"}


def test_the_table_has_what_is_finished(make_setting: Callable[..., Setting]) -> None:
    assert "|" in table(make_setting(), CLAIMS, [1])
    assert len({claim.name for claim in CLAIMS}) == 5


def test_seeds_are_numbers_each_once() -> None:
    assert seeds("3,1") == [3, 1]
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--seeds", type=seeds)
    for wrong in ("1,1", "1,x", ""):
        with pytest.raises(argparse.ArgumentError):
            parser.parse_args(["--seeds", wrong])
