"""What all arms of one comparison share."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from inference.models.load import SHIPPED
from training.train import Kernels

TRAINING = Path(__file__).parent.parent
_HOW_IT_RUNS = ("out", "compiled", "kernels")  # and not what comes out


@dataclass(frozen=True, slots=True)
class Setting:
    """Folders and sizes. `tokens`: of a run from random weights; `begin_with`: the weights of the claims that
    are not tried from random ones; `gaps`: how many are sampled for; `problems`: of HumanEval, a seed."""

    corpus: Path
    tokenizer: Path
    out: Path
    tokens: int
    begin_with: Path = SHIPPED
    humaneval: Path | None = None
    recipe: Path = TRAINING / "ablations" / "tiny.toml"
    manifest: Path = TRAINING / "corpus.toml"
    cursors: int = 200
    gaps: int = 200
    problems: int = 200
    held_out_tokens: int = 120_000
    compiled: bool = True
    kernels: Kernels = "auto"

    def claim_folder(self) -> None:
        """Make `out` the folder of this comparison.

        Raises:
            SystemExit: it holds results of another one; the message names what differs.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        path = self.out / "setting.json"
        mine = {name: _plain(value) for name, value in asdict(self).items() if name not in _HOW_IT_RUNS}
        if path.exists():
            theirs = json.loads(path.read_text(encoding="utf-8"))
            if changed := sorted(name for name in mine if mine[name] != theirs.get(name)):
                name = changed[0]
                raise SystemExit(
                    f"training.ablations: {self.out} holds results with {name} = {theirs.get(name)}, "
                    f"not {mine[name]}: choose another --out"
                )
        path.write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
