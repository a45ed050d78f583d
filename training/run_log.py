"""What a run says while it runs: lines of log.jsonl, and of the terminal."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

EVERY = 20
"""Steps between two lines that stay."""


def progress_line(record: Mapping[str, Any], total_steps: int, held_out: Mapping[str, float]) -> str:
    share = f" ({record['rate_share']:.0%} of the matrix rate)" if "rate_share" in record else ""
    line = (
        f"step {record['step']}/{total_steps}  {record['tokens'] / 1e6:.1f}M tokens  "
        f"loss {record['loss']:.3f}  "
        f"busiest expert {record['busiest']:.0%}  {record['tokens_per_s']} tokens/s  "
        f"{record['tflops']} TFLOP/s{share}  {record['minutes_left']} min left"
    )
    return line + "".join(f"  held-out {name} {value:.3f}" for name, value in held_out.items())


class RunLog:
    """Figures are means since the last line that stays; on a terminal a line is rewritten at each step.

    Args:
        folder: of the run; its log.jsonl is appended to.
        total_steps: of the run.
        tokens_per_step: of all processes.
        matrix_rate: FLOP/s that all their devices together are measured to reach, if that is known.
    """

    def __init__(
        self, folder: Path, total_steps: int, tokens_per_step: int, matrix_rate: float | None
    ) -> None:
        self._log = (folder / "log.jsonl").open("a", encoding="utf-8")
        self._total_steps, self._tokens_per_step = total_steps, tokens_per_step
        self._matrix_rate = matrix_rate
        self._recent: list[tuple[float, float, float]] = []
        self._held_out: Mapping[str, float] = {}

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._recent and sys.stdout.isatty():
            print(flush=True)
        self._log.close()

    def step(
        self,
        step: int,
        seconds: float,
        took: float,
        flops: float,
        figures: Mapping[str, float],
        held_out: Mapping[str, float],
    ) -> None:
        """Tell of step `step`, counted from 1, that took `took` of the run's `seconds` for `flops`."""
        self._recent.append((figures["loss"], took, flops))
        self._held_out = held_out or self._held_out
        stays, live = step % EVERY == 0 or step == self._total_steps, sys.stdout.isatty()
        if not stays and not live:
            return
        record = self._record(step, seconds, figures)
        line = progress_line(record, self._total_steps, self._held_out)
        if live:
            width = shutil.get_terminal_size().columns - 1
            line = f"\r{line if stays else line[:width]}\x1b[K"
        print(line, end="\n" if stays else "", flush=True)
        if stays:
            self._recent.clear()
            if held_out:
                record["held_out"] = {kind: round(value, 4) for kind, value in held_out.items()}
            self._log.write(json.dumps(record) + "\n")
            self._log.flush()

    def _record(self, step: int, seconds: float, figures: Mapping[str, float]) -> dict[str, Any]:
        loss, step_s, flops = (float(np.mean(column)) for column in zip(*self._recent, strict=True))
        record: dict[str, Any] = {
            "step": step, "tokens": step * self._tokens_per_step, "seconds": round(seconds),
            **{name: round(value, 4) for name, value in {**figures, "loss": loss}.items()},
            "tokens_per_s": round(self._tokens_per_step / step_s),
            "tflops": round(flops / step_s / 1e12, 3),
            "minutes_left": round((self._total_steps - step) * step_s / 60, 1),
        }  # fmt: skip
        if self._matrix_rate is not None:
            record["rate_share"] = round(flops / step_s / self._matrix_rate, 3)
        return record
