from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from training.examples import END_WEIGHT, MIDDLE_WEIGHT, ROW, ExampleWriter, draw_span, pack
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

TEXT = "\n".join(
    f"def area_{i}(width, height):\n    # product {i}\n    total = width * height + {i}\n    return total\n"
    for i in range(300)
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    import json

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


def test_an_example_is_suffix_then_contiguous_prefix_and_middle(tokenizer: Tokenizer) -> None:
    seen = 0
    for ids, weights in ExampleWriter(tokenizer, random.Random(7)).examples(TEXT):
        assert len(ids) == len(weights) <= ROW
        assert ids[0] == FILE_SEP
        if ids[1] != FIM_SUFFIX:
            continue
        seen += 1
        middle_at = ids.index(FIM_MIDDLE)
        suffix = tokenizer.decode(ids[2:middle_at])
        assert ids[-1] == END_OF_TEXT
        written = tokenizer.decode(ids[middle_at + 1 : -1])
        assert written in TEXT
        assert written + suffix in TEXT, "the suffix follows where the middle ends"
        assert 0 in ids and min(weights[middle_at + 1 :]) >= 1 and weights[-1] == END_WEIGHT
        middle = [i for i, weight in zip(ids, weights, strict=True) if weight == MIDDLE_WEIGHT]
        assert middle, "an example without a middle teaches nothing"
    assert seen > 10


def test_an_outline_is_read_and_not_learnt(tokenizer: Tokenizer) -> None:
    lines = (f"    value_{number} = compute(key, {number})\n" for number in range(900))
    text = "import os\n\n\ndef compute_all(key):\n" + "".join(lines)
    fronts = 0
    for ids, weights in ExampleWriter(tokenizer, random.Random(3)).examples(text):
        start = ids.index(FIM_MIDDLE) + 1 if FIM_MIDDLE in ids else 1
        if tokenizer.decode(ids[start:]).startswith("import os\n") and weights[start] == 0:
            learnt = next(at for at, weight in enumerate(weights[start:]) if weight)
            assert tokenizer.decode(ids[start:][:learnt]).endswith("\n")
            fronts += 1
    assert fronts > 3


def test_spans_lie_in_the_text_and_begin_in_their_line() -> None:
    starts = [0]
    for line in TEXT.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    rng = random.Random(1)
    for _ in range(2000):
        line = rng.randrange(len(starts) - 1)
        span = draw_span(rng, TEXT, starts, line)
        assert starts[line] <= span.start <= starts[line + 1]
        assert span.end <= len(TEXT)


def test_the_same_seed_gives_the_same_examples(tokenizer: Tokenizer) -> None:
    first, again, other = (list(ExampleWriter(tokenizer, random.Random(s)).examples(TEXT)) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_rows_overlap_by_the_one_token_that_is_only_predicted() -> None:
    ids, weights = pack([(list(range(1, 700)), [1] * 699), (list(range(700, 1600)), [2] * 900)])
    assert ids.shape == weights.shape == (3, ROW + 1)
    assert (ids[1:, 0] == ids[:-1, -1]).all()
    joined = np.concatenate([ids[:, :-1].ravel(), ids[-1:, -1]])
    assert joined.tolist() == list(range(1, 3 * ROW + 2))


def test_too_little_for_a_row_is_no_row() -> None:
    assert pack([([1, 2, 3], [1, 1, 1])])[0].shape == (0, ROW + 1)


def test_the_sample_of_a_corpus_is_spread_over_it(tmp_path: Path) -> None:
    import json

    from training.tokenizer import sample

    rows = [json.dumps({"source": "s", "path": str(i), "text": f"{i} " * 100}) for i in range(100)]
    (tmp_path / "train.jsonl").write_text("\n".join(rows) + "\n")
    size = (tmp_path / "train.jsonl").stat().st_size
    chosen = [int(text.split()[0]) for text in sample(tmp_path, size // 5)]
    assert chosen == list(range(0, 100, 5))
