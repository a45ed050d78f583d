"""Try claims, seed by seed, and write a table; begun again with the same folder it goes on.

    python -m training.ablations --corpus DIR --tokenizer FILE --out DIR [--only NAME] [--seeds 1,2,3]

Folders of `--out` are arms: `result.json` when finished, until then a run that goes on. `table.md` has all
that is finished.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from inference.model import ModelError
from inference.models.load import SHIPPED
from training.ablations import boundaries, curriculum, execution, rerank, triplets
from training.ablations.arm import Claim
from training.ablations.setting import Setting
from training.ablations.table import table
from training.jsonl import DataError
from training.train import Kernels

CLAIMS = tuple(module.CLAIM for module in (curriculum, triplets, boundaries, execution, rerank))


def compare(setting: Setting, claims: Sequence[Claim], seeds: Sequence[int]) -> str:
    """Finish every arm, all claims of a seed before the next seed, and return the table."""
    setting.claim_folder()
    todo = [
        (seed, claim, arm) for seed in seeds for claim in claims for arm in (claim.control, claim.treatment)
    ]
    written = ""
    for number, (seed, claim, arm) in enumerate(todo, 1):
        title = f"[{number}/{len(todo)}] {claim.name}: {arm.name}, seed {seed}"
        if arm.result(setting, seed):
            print(f"{title}: is finished", flush=True)
        else:
            print(title, flush=True)
            began = time.monotonic()
            found = arm.finish(setting, seed)
            middle = "" if found.middle is None else f"middle {found.middle:.4f}  "
            minutes = (time.monotonic() - began) / 60
            print(f"{title}: {middle}rest of line {found.exact:.1%}  {minutes:.1f} min", flush=True)
        written = table(setting, claims, seeds)
        (setting.out / "table.md").write_text(written, encoding="utf-8")
    return written


def seeds(text: str) -> list[int]:
    """`1,2,3`, each once."""
    found = [int(part) for part in text.split(",")]
    if len(set(found)) != len(found):
        raise ValueError("a seed twice")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="training.ablations", description="Try claims at equal compute.")
    parser.add_argument("--corpus", type=Path, required=True, help="folder that training.corpus wrote")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="goes on with what is finished there")
    parser.add_argument(
        "--only", action="append", choices=[claim.name for claim in CLAIMS], help="repeatable"
    )
    parser.add_argument("--seeds", type=seeds, default=[1, 2, 3])
    parser.add_argument("--tokens", type=float, default=2e6, help="of a run from random weights")
    parser.add_argument(
        "--begin-with", type=Path, default=SHIPPED, help="weights that execution goes on from"
    )
    parser.add_argument("--humaneval", type=Path, help="HumanEval-SingleLineInfilling.jsonl.gz")
    parser.add_argument("--cursors", type=int, default=200, help="held-out cursors of an arm")
    parser.add_argument("--gaps", type=int, default=200, help="training gaps that are sampled for")
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--kernels", choices=get_args(Kernels), default="auto", help="as in training.train")
    arguments = parser.parse_args()
    setting = Setting(
        corpus=arguments.corpus,
        tokenizer=arguments.tokenizer,
        out=arguments.out,
        tokens=int(arguments.tokens),
        begin_with=arguments.begin_with,
        humaneval=arguments.humaneval,
        cursors=arguments.cursors,
        gaps=arguments.gaps,
        compiled=not arguments.eager,
        kernels=arguments.kernels,
    )
    claims = [claim for claim in CLAIMS if arguments.only is None or claim.name in arguments.only]
    try:
        print(compare(setting, claims, arguments.seeds))
    except (DataError, ModelError) as error:
        print(f"training.ablations: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
