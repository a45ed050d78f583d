"""Answers of a real (tiny) model do not depend on what was computed before, nor on who else is served."""

import re
from pathlib import Path

import pytest

from inference.engine import DoneEvent, Engine, PromptText, Request, TextEvent
from inference.models.load import load

SOURCE = Path(re.__file__).read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=["midfill-spm", "qwen"])
def loaded(request, make_model_dir, tiny_model_dir, qwen_tokenizer_json):
    if request.param == "midfill-spm":
        return load(tiny_model_dir, "cpu")
    card = {
        "name": "q", "format": "qwen", "prefix_tokens": 96, "suffix_tokens": 32, "max_new_tokens": 32,
    }  # fmt: skip
    return load(make_model_dir(tokenizer=qwen_tokenizer_json, card=card, seed=1), "cpu")


def keystrokes():
    """Typing, a backspace, a jump elsewhere and back, in two documents."""
    for end in [*range(6000, 6040, 3), 6036, 6037, 9000, 9001, *range(6040, 6052, 4)]:
        yield PromptText(SOURCE[:end], ")\n" + SOURCE[6100:6500])


def run(engine):
    texts, ends = {}, {}
    while engine.has_work:
        for event in engine.step():
            if isinstance(event, TextEvent):
                texts[event.key] = texts.get(event.key, "") + event.text
            else:
                assert isinstance(event, DoneEvent)
                ends[event.key] = event
    return texts, ends


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_reuse_changes_no_answer(loaded, temperature):
    shared = Engine(*loaded, prefill_chunk=32, check=True)
    cached = 0
    for key, prompt in enumerate(keystrokes()):
        request = Request(key, "", prompt, max_tokens=12, temperature=temperature, top_p=0.95, seed=key)
        shared.submit(request)
        texts, ends = run(shared)
        fresh = Engine(*loaded)
        fresh.submit(request)
        fresh_texts, fresh_ends = run(fresh)
        assert fresh_ends[key].statistics.cached_tokens == 0
        assert texts == fresh_texts
        assert texts[key]
        assert ends[key].statistics.prompt_tokens == fresh_ends[key].statistics.prompt_tokens
        cached += ends[key].statistics.cached_tokens / ends[key].statistics.prompt_tokens
    assert cached / (key + 1) > 0.6


def test_company_changes_no_answer(loaded):
    requests = [
        Request(key, f"file:///{key}", prompt, max_tokens=10, temperature=0.5 * (key % 2), seed=key)
        for key, prompt in enumerate(keystrokes())
    ]
    alone = {}
    for request in requests:
        engine = Engine(*loaded)
        engine.submit(request)
        alone |= run(engine)[0]
    together = Engine(*loaded, prefill_chunk=16, check=True)
    for request in requests:
        together.submit(request)
    assert run(together)[0] == alone
