"""Arms, what comes of them, and the claims that are a difference between two."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from training.ablations.setting import Setting


@dataclass(frozen=True, slots=True)
class Result:
    """An arm's figures for one seed. `tokens` were trained on and `flops` spent, sampling included.

    `middle`: nats a token of held-out middles; `exact`, `similarity`: rest of line at held-out cursors;
    `humaneval`: pass@1 of single-line infilling. None where it was not measured. `notes`: what else is worth
    knowing, and not compared.
    """

    tokens: int
    flops: float
    exact: float
    similarity: float
    middle: float | None = None
    humaneval: float | None = None
    seconds: float = 0.0
    notes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arm:
    """`run` takes a seed and a folder of its own, and goes on there with what an earlier call left."""

    name: str
    run: Callable[[Setting, int, Path], Result]

    def folder(self, setting: Setting, seed: int) -> Path:
        return setting.out / f"{self.name.replace(' ', '-')}-{seed}"

    def result(self, setting: Setting, seed: int) -> Result | None:
        """What was found for `seed`, or None if the arm is not finished."""
        path = self.folder(setting, seed) / "result.json"
        if not path.exists():
            return None
        return Result(**json.loads(path.read_text(encoding="utf-8")))

    def finish(self, setting: Setting, seed: int) -> Result:
        """Run to the end, if that was not done, and keep the result."""
        folder = self.folder(setting, seed)
        if found := self.result(setting, seed):
            return found
        folder.mkdir(parents=True, exist_ok=True)
        found = self.run(setting, seed, folder)
        partial = folder / "result.json.part"
        partial.write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
        partial.rename(folder / "result.json")
        (folder / "checkpoint.safetensors").unlink(missing_ok=True)  # its exported weights stay
        return found


@dataclass(frozen=True, slots=True)
class Claim:
    """That `treatment` beats `control` at equal compute."""

    name: str
    control: Arm
    treatment: Arm
