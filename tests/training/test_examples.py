from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from training.documents import Document
from training.examples import (
    END_WEIGHT,
    MIDDLE_WEIGHT,
    ROW,
    Example,
    ExampleWriter,
    pack,
)
from training.neighbours import Neighbours
from training.tokenizer import (
    END_OF_TEXT,
    FILE_SEP,
    FIM_MIDDLE,
    FIM_SUFFIX,
    SPECIAL_TOKENS,
    bytes_per_token,
    new_tokenizer,
)
from training.tokenizer import train as train_tokenizer

REPOSITORY = Path(__file__).parents[2]
TEXT = "\n".join(
    f"def area_{i}(width, height):\n    # product {i}\n    total = width * height + {i}\n    return total\n"
    for i in range(300)
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    corpus = tmp_path_factory.mktemp("corpus")
    line = json.dumps({"source": "a", "path": "a.py", "text": TEXT})
    (corpus / "train.jsonl").write_text(f"{line}\n" * 3)
    trained = train_tokenizer(corpus, vocab_size=420, max_bytes=10**7)
    trained.encode_special_tokens = True
    return trained


def test_control_tokens_take_the_first_ids(tokenizer: Tokenizer) -> None:
    assert [tokenizer.token_to_id(token) for token in SPECIAL_TOKENS] == list(range(6))


def test_a_token_never_crosses_a_line_end_but_spans_words(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode("    return total\n\n    total = width * height").tokens
    texts = [tokenizer.decode([tokenizer.token_to_id(token)]) for token in tokens]
    assert "".join(texts) == "    return total\n\n    total = width * height"
    assert "\n    " in texts
    assert all("\n" not in text.lstrip("\n") for text in texts)
    assert any(" " in text.strip() for text in texts)


def test_untrained_bytes_are_one_token_each() -> None:
    assert bytes_per_token(new_tokenizer_over_bytes(), ["naïve 中文"]) == 1


def new_tokenizer_over_bytes() -> Tokenizer:
    from tokenizers import pre_tokenizers, trainers

    bare = new_tokenizer()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bare.train_from_iterator([], trainers.BpeTrainer(initial_alphabet=alphabet, show_progress=False))
    return bare


def written(tokenizer: Tokenizer, document: Document, seed: int) -> list[Example]:
    return list(ExampleWriter(tokenizer, random.Random(seed)).examples(document))


def test_an_example_is_name_then_suffix_then_contiguous_prefix_and_middle(tokenizer: Tokenizer) -> None:
    name = tokenizer.encode("areas.py\n").ids
    named = seen = 0
    for example in written(tokenizer, Document(TEXT, "shapes/areas.py"), 7):
        ids, weights = example.ids, example.weights
        assert len(ids) == len(weights) <= ROW
        assert ids[0] == FILE_SEP
        at = 1
        if ids[1 : 1 + len(name)] == name:
            at += len(name)
            named += 1
        assert not any(weights[:at]), "a name is read and not learnt"
        if ids[at] != FIM_SUFFIX:
            continue
        seen += 1
        middle_at = ids.index(FIM_MIDDLE)
        assert weights[at] == weights[middle_at] == 0
        suffix = tokenizer.decode(ids[at + 1 : middle_at])
        assert ids[-1] == END_OF_TEXT
        behind = tokenizer.decode(ids[middle_at + 1 : -1])
        assert behind in TEXT
        assert behind + suffix in TEXT, "the suffix follows where the middle ends"
        assert min(weights[middle_at + 1 :]) >= 1 and weights[-1] == END_WEIGHT
        middle = [i for i, weight in zip(ids, weights, strict=True) if weight == MIDDLE_WEIGHT]
        assert middle, "an example without a middle teaches nothing"
    assert seen > 10
    assert 0.5 * seen < named < seen, "most have a name, not all"


def test_a_long_name_is_left_out(tokenizer: Tokenizer) -> None:
    name = "_".join(str(number) for number in range(40)) + ".py"
    for example in written(tokenizer, Document(TEXT, name), 7):
        assert name[:20] not in tokenizer.decode(example.ids)


def test_a_plain_row_begins_with_the_name_too(tokenizer: Tokenizer) -> None:
    examples = [e for seed in range(5) for e in written(tokenizer, Document(TEXT, "x/areas.py"), seed)]
    lead = [FILE_SEP, *tokenizer.encode("areas.py\n").ids]
    plain = [e for e in examples if e.kind == "plain"]
    named = [e for e in plain if e.ids[: len(lead)] == lead]
    assert 0 < len(named) < len(plain)
    for example in named:
        assert example.weights == [0] * len(lead) + [1] * (len(example.ids) - len(lead))
        assert len(example.ids) <= ROW


def test_an_outline_is_read_and_not_learnt(tokenizer: Tokenizer) -> None:
    lines = (f"    value_{number} = compute(key, {number})\n" for number in range(900))
    text = "import os\n\n\ndef compute_all(key):\n" + "".join(lines)
    fronts = 0
    for example in written(tokenizer, Document(text), 3):
        ids, weights = example.ids, example.weights
        start = ids.index(FIM_MIDDLE) + 1 if FIM_MIDDLE in ids else 1
        if tokenizer.decode(ids[start:]).startswith("import os\n") and weights[start] == 0:
            learnt = next(at for at, weight in enumerate(weights[start:]) if weight)
            assert tokenizer.decode(ids[start:][:learnt]).endswith("\n")
            fronts += 1
    assert fronts > 3


def test_a_file_in_another_language_has_no_outline(tokenizer: Tokenizer) -> None:
    lines = (f"    value_{number} = compute(key, {number})\n" for number in range(400))
    text = "import os\n\n\ndef compute_all(key):\n" + "".join(lines)
    for example in written(tokenizer, Document(text, language="rust"), 3):
        ids = example.ids
        behind = tokenizer.decode(ids[ids.index(FIM_MIDDLE) + 1 :]) if FIM_MIDDLE in ids else ""
        assert behind in text


@pytest.mark.parametrize(("share", "shown"), [(0.0, True), (1.0, False)])
def test_imports_can_be_left_out(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch, share: float, shown: bool
) -> None:
    monkeypatch.setattr("training.examples.NO_IMPORTS_SHARE", share)
    text = "import os\n" + "total = width * height\n" * 200
    examples = [e for seed in range(5) for e in written(tokenizer, Document(text), seed) if e.kind != "plain"]
    assert examples
    assert any("import" in tokenizer.decode(example.ids) for example in examples) == shown


def test_comments_of_a_language_are_rarely_completed(tokenizer: Tokenizer) -> None:
    text = "".join(f"// about {number}\nx = 1\n" for number in range(300))
    comments = {}
    for language in ("rust", "python"):
        examples = [e for s in range(5) for e in written(tokenizer, Document(text, language=language), s)]
        lines = [tokenizer.decode(e.ids).rstrip("\n") for e in examples if e.kind == "rest of line"]
        comments[language] = sum("//" in line.rsplit("\n", 1)[-1] for line in lines) / len(lines)
    assert comments["rust"] < comments["python"] / 2


def test_the_same_seed_gives_the_same_examples(tokenizer: Tokenizer) -> None:
    first, again, other = (written(tokenizer, Document(TEXT, "a.py"), seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_snippets_of_other_files_come_in_front_of_their_example(tokenizer: Tokenizer) -> None:
    other = Document("\nclass Shape:\n" + "    width = height = 2\n" * 40, "shapes/shape.py", "s")
    document = Document("shape = Shape(width)\n" * 300, "shapes/use.py", "s")
    neighbours = Neighbours([document, other])
    examples = [
        example
        for seed in range(5)
        for example in ExampleWriter(tokenizer, random.Random(seed), neighbours, 0.5).examples(document)
    ]
    infills = [example for example in examples if example.kind != "plain"]
    with_snippets = [example for example in infills if example.ids.count(FILE_SEP) > 1]
    assert 0.35 < len(with_snippets) / len(infills) < 0.65
    assert all(example.ids.count(FILE_SEP) == 1 for example in examples if example.kind == "plain")
    name = tokenizer.encode("shape.py\n").ids
    named = 0
    for example in with_snippets:
        assert len(example.ids) == len(example.weights) <= ROW
        *snippets, own = [at for at, token in enumerate(example.ids) if token == FILE_SEP]
        assert len(snippets) <= 2
        for at, end in zip(snippets, [*snippets[1:], own], strict=True):
            body = at + 1 + len(name) * (example.ids[at + 1 :][: len(name)] == name)
            named += body > at + 1
            assert tokenizer.decode(example.ids[body:end]) in other.text
            assert example.weights[at:end] == [0] * (body - at) + [1] * (end - body)
        assert example.weights[own] == 0
        assert "Shape(" in tokenizer.decode(example.ids[own:])
    assert 0.5 < named / len(with_snippets) < 1.2


def test_snippets_leave_room_for_the_example(tokenizer: Tokenizer) -> None:
    other = Document("\nclass Shape:\n" + "    width = height = 2\n" * 40, "shapes/shape.py", "s")
    document = Document("shape = Shape(width)\n" * 300, "shapes/use.py", "s")
    writer = ExampleWriter(tokenizer, random.Random(1), Neighbours([document, other]), 1.0, row=128)
    sizes = [len(example.ids) for example in writer.examples(document)]
    assert len(sizes) > 5
    assert max(sizes) <= 128


def test_a_short_file_has_a_cursor_too(tokenizer: Tokenizer) -> None:
    text = "name = 'first'\nother = 'second'\n"
    assert any(written(tokenizer, Document(text), seed) for seed in range(5))


def test_rows_overlap_by_the_one_token_that_is_only_predicted() -> None:
    ids, weights = pack(
        [Example(list(range(1, 700)), [1] * 699, "run"), Example(list(range(700, 1600)), [2] * 900, "run")]
    )
    assert ids.shape == weights.shape == (3, ROW + 1)
    assert (ids[1:, 0] == ids[:-1, -1]).all()
    joined = np.concatenate([ids[:, :-1].ravel(), ids[-1:, -1]])
    assert joined.tolist() == list(range(1, 3 * ROW + 2))


def test_too_little_for_a_row_is_no_row() -> None:
    assert pack([Example([1, 2, 3], [1, 1, 1], "run")])[0].shape == (0, ROW + 1)


def test_the_command_writes_rows_and_says_what_they_are(tokenizer: Tokenizer, tmp_path: Path) -> None:
    record = json.dumps({"source": "a", "path": "a.py", "text": TEXT})
    for split in ("train", "heldout"):
        (tmp_path / f"{split}.jsonl").write_text(record + "\n")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "corpus.toml").write_text("source = []\n")

    def rows(*options: str) -> tuple[NDArray[np.uint16], str]:
        files = {"corpus": ".", "tokenizer": "tokenizer.json", "manifest": "corpus.toml", "out": "rows"}
        paths = [part for name, file in files.items() for part in (f"--{name}", str(tmp_path / file))]
        command = [sys.executable, "-m", "training.examples", *paths, "--tokens", "5e3", *options]
        result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
        ids = np.load(tmp_path / "rows" / "train_ids.npy")
        assert ids.shape == np.load(tmp_path / "rows" / "train_weights.npy").shape
        return ids, result.stdout

    ids, printed = rows("--processes", "1")
    assert ids.shape[1] == ROW + 1
    assert "rest of line" in printed
    assert "python" in printed
    assert (rows("--processes", "2")[0] == ids).all(), "whatever the processes"
    assert rows("--row", "128", "--snippets", "0")[0].shape[1] == 129


def test_the_sample_of_a_corpus_is_spread_over_it(tmp_path: Path) -> None:
    from training.tokenizer import sample

    rows = [json.dumps({"source": "s", "path": str(i), "text": f"{i} " * 100}) for i in range(100)]
    (tmp_path / "train.jsonl").write_text("\n".join(rows) + "\n")
    size = (tmp_path / "train.jsonl").stat().st_size
    chosen = [int(text.split()[0]) for text in sample(tmp_path, size // 5)]
    assert chosen == sorted(set(chosen)), "each at most once, in order"
    assert 10 <= len(chosen) <= 30
    assert all(any(part <= one < part + 50 for one in chosen) for part in (0, 50))
