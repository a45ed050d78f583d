"""Claim: documents in the order of their cyclomatic complexity, simple ones first, teach more than shuffled.

The examples are those of the ordinary arm, so that tokens and compute are equal. Ranks are within a language:
else the run would begin with all that is no program, and languages would follow upon each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from training.ablations.arm import Arm, Claim, Result
from training.ablations.complexity import complexity
from training.ablations.ordinary import ORDINARY, train_on
from training.ablations.rows import Drawn, draw
from training.ablations.setting import Setting
from training.documents import Document
from training.examples import Example, pack


def ranks(
    documents: Sequence[Document], measure: Callable[[str, str], float] = complexity
) -> dict[int, float]:
    """Where each document stands among those of its language, from 0 to 1, by its id()."""
    by_language: dict[str, list[Document]] = defaultdict(list)
    for document in documents:
        by_language[document.language].append(document)
    found = {}
    for same in by_language.values():
        same.sort(key=lambda document: measure(document.text, document.language))
        for place, document in enumerate(same):
            found[id(document)] = (place + 0.5) / len(same)
    return found


def simple_first(drawn: Sequence[Drawn]) -> list[Example]:
    """The examples, those of simple documents first."""
    documents = list({id(one.document): one.document for one in drawn}.values())
    rank = ranks(documents)
    return [one.example for one in sorted(drawn, key=lambda one: rank[id(one.document)])]


def run(setting: Setting, seed: int, folder: Path) -> Result:
    return train_on(setting, seed, folder, lambda: pack(simple_first(draw(setting, seed))))


CLAIM = Claim("curriculum", ORDINARY, Arm("simple first", run))
