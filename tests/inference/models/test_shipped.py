"""The model that ships, through the engine: what anyone would type next, inside words and behind them."""

import pytest

from inference.engine import DoneEvent, Engine, PromptText, Request
from inference.models.load import load

COMPLETIONS = [
    (
        "class A:\n    def __init__(self, name):\n        self.name = ",
        "\n\n    def get(self):\n        return self.name\n",
        "name",
    ),
    ("try:\n    import json\nexcept Imp", "\n    json = None\n", "ortError"),
    ("def f(x):\n    if x is No", "\n        return 0\n", "ne"),
    ("for i in ran", ":\n    print(i)\n", "ge("),
    ('if __name__ == "', "\n    main()\n", "__main__"),
]


@pytest.fixture(scope="module")
def engine():
    return Engine(*load(device="cpu"))


def complete(engine, prefix, suffix, key=1):
    engine.submit(Request(key, "", PromptText(prefix, suffix), max_tokens=16, stop=("\n",)))
    events = []
    while engine.has_work:
        events += engine.step()
    assert isinstance(events[-1], DoneEvent)
    return "".join(event.text for event in events[:-1]), events[-1].statistics


@pytest.mark.parametrize(
    ("prefix", "suffix", "expected"), COMPLETIONS, ids=[p[-12:] for p, _, _ in COMPLETIONS]
)
def test_it_completes_what_is_plain(engine, prefix, suffix, expected):
    assert complete(engine, prefix, suffix)[0].startswith(expected)


def test_a_keystroke_inside_a_word_costs_one_token_of_prefill(engine):
    prefix, suffix, _ = COMPLETIONS[1]
    complete(engine, prefix, suffix)
    text, statistics = complete(engine, prefix + "ort", suffix)
    assert statistics.cached_tokens == statistics.prompt_tokens - 1
    assert text.startswith("Error")
