"""Gaps in functions of training files, and whether what fills one is right as far as running it can tell."""

from __future__ import annotations

import ast
import random
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.documents import Document
from training.evaluation.best_of import compiles
from training.examples import Example, ExampleWriter
from training.row_format import MIDDLE_WEIGHT
from training.sandbox import passes

GAPS_A_DOCUMENT = 2
MAX_CHARACTERS = 20_000

# The file is a module of its own, so that what it does as a program is not done.
_DOCTESTS = """\
import doctest, sys, types
module = types.ModuleType("candidate")
sys.modules["candidate"] = module
exec(compile({source!r}, "candidate", "exec", dont_inherit=True), module.__dict__)
outcome = doctest.testmod(module)
if outcome.failed or not outcome.attempted:
    raise SystemExit(1)
"""


def passes_doctests(program: str) -> bool:
    """Whether a file has doctests, with nothing but the standard library, and all pass. It runs in the
    sandbox."""
    return passes(_DOCTESTS.format(source=program))


@dataclass(frozen=True, slots=True)
class Gap:
    """The end of a line that is missing, in an example whose tokens before the middle are `prompt`.

    `lead`: white space that the middle begins with, and the cursor stands behind.
    """

    prefix: str
    truth: str
    suffix: str
    prompt: list[int]
    prompt_weights: list[int]
    lead: str
    path: str

    def program(self, answer: str) -> str:
        return self.prefix + answer + self.suffix

    def tested(self) -> bool:
        """Whether the file's doctests pass with the truth and do not without it: then they tell."""
        return passes_doctests(self.program(self.truth)) and not passes_doctests(self.program(""))


def function_lines(text: str) -> set[int]:
    """Numbers of the lines in functions, from 1, of a file that compiles."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return found


def gap_of(example: Example, document: Document) -> Gap | None:
    """The gap of an example whose middle is what is missing of one line; None of any other."""
    text, start, end = document.text, example.start, example.end
    middle = text[start:end]
    truth = middle.lstrip()
    if example.kind not in ("rest of line", "full line") or not truth or "\n" in truth:
        return None
    lead = middle[: len(middle) - len(truth)]
    first = example.weights.index(MIDDLE_WEIGHT)
    return Gap(
        prefix=text[: start + len(lead)], truth=truth, suffix=text[end:], prompt=example.ids[:first],
        prompt_weights=example.weights[:first], lead=lead, path=document.path,
    )  # fmt: skip


def gaps(documents: Sequence[Document], writer: ExampleWriter, rng: random.Random) -> Iterator[Gap]:
    """Gaps in functions of Python files that compile and are no tests, those of files with doctests first."""
    chosen = [
        document
        for document in documents
        if document.language == "python" and not document.is_test and len(document.text) <= MAX_CHARACTERS
    ]
    chosen.sort(key=lambda document: ">>> " not in document.text)
    for document in chosen:
        if not compiles(document.text):
            continue
        inside = function_lines(document.text)
        found = [
            gap
            for example in writer.examples(document)
            if (gap := gap_of(example, document)) and gap.prefix.count("\n") + 1 in inside
        ]
        yield from rng.sample(found, min(GAPS_A_DOCUMENT, len(found)))
