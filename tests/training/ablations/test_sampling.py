from __future__ import annotations

import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from inference.prompt import PromptText
from training.ablations.gaps import Gap
from training.ablations.sampling import SAMPLES, Samples, mixed, sample_all
from training.evaluation.completer import Answer
from training.examples import Example
from training.row_format import END_WEIGHT, MIDDLE_WEIGHT
from training.tokenizer import END_OF_TEXT

HEAD = 'def double(number):\n    """\n    >>> double(4)\n    8\n    """\n'
TESTED = Gap(HEAD + "    ", "return number * 2", "\n", [4, 9], [0, 1], "\n    ", "a.py")
COMPILED = Gap("def f(a):\n    return ", "a", "\n", [4], [0], "", "b.py")


class Told:
    """Gives each prompt's answers in turn, and counts."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        self._answers, self.asked = answers, 0

    def line(self, text: PromptText, *, temperature: float = 0.0, seed: int = 0) -> Answer:
        assert temperature > 0 and text.path in ("a.py", "b.py")
        answer = self._answers[text.prefix][self.asked % SAMPLES]
        self.asked += 1
        return Answer(answer, "length" if answer.endswith("…") else "stop", 5, 0.0, read=30)


@pytest.fixture
def tokenizer(tokenizer_json: str) -> Tokenizer:
    return Tokenizer.from_str(tokenizer_json)


def test_what_passes_is_kept_once_as_an_example(tokenizer: Tokenizer, tmp_path: Path) -> None:
    answers = {
        TESTED.prefix: ["return 2 * number", "return number * 3", "return 2 * number", "return (2"],
        COMPILED.prefix: ["a + 1", "(a", "  ", "a…"],
    }
    told = Told(answers)
    samples = sample_all(tmp_path / "s.json", [TESTED, COMPILED], 2, told, tokenizer, 1)
    first, second = (tokenizer.encode(text).ids for text in ("\n    return 2 * number", "a + 1"))
    assert samples.kept == [
        ([4, 9, *first, END_OF_TEXT], [0, 1, *[MIDDLE_WEIGHT] * len(first), END_WEIGHT]),
        ([4, *second, END_OF_TEXT], [0, *[MIDDLE_WEIGHT] * len(second), END_WEIGHT]),
    ]
    assert (samples.gaps, samples.tested, samples.asked) == (2, 1, 8)
    assert (samples.read, samples.written) == (8 * 30, 8 * 5)


def test_sampling_goes_on_where_it_stood(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path, gaps = tmp_path / "s.json", [COMPILED] * 3
    answers = {COMPILED.prefix: ["a + 1"] * SAMPLES}
    told = Told(answers)
    sample_all(path, gaps, 2, told, tokenizer, 1)
    assert sample_all(path, gaps, 3, told, tokenizer, 1).gaps == 3
    assert told.asked == 3 * SAMPLES
    assert len(Samples.load(path).examples()) == 3
    assert Samples.load(tmp_path / "none.json") == Samples()


def test_samples_are_half_at_most_and_twice_at_most() -> None:
    ordinary = [Example([number] * 10, [1] * 10, "run") for number in range(100, 200)]
    few, many = ([Example([n] * 10, [1] * 10, "sampled") for n in range(count)] for count in (3, 80))
    for samples, expected in ((few, 6), (many, 25)):
        made = mixed(samples, ordinary, 500, random.Random(1))
        ours = [example.ids[0] for example in made if example.kind == "sampled"]
        assert (len(ours), len(made)) == (expected, 50)
        assert max(ours.count(number) for number in ours) <= 2
