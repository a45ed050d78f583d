"""What is told of the lines that were not taken."""

from inference.beam import Hypothesis
from inference.generation import Generation
from inference.messages import MAX_ALTERNATIVES, Alternative
from inference.prompt import Prompt, PromptText
from inference.request import Request
from tests.inference.token_sequence import TokenSequence


def generation(*others: tuple[bytes, float], answer: bytes = b"", stop: tuple[str, ...] = ()) -> Generation:
    one = Generation.of(Request(key=1, document="", prompt=PromptText("x = "), stop=stop), 0.0)
    beam = one.begin(Prompt([7], b"", False), TokenSequence(), width=3, max_tokens=9, max_length=99)
    beam.live = [Hypothesis([7], TokenSequence(), b"", answer=answer)]
    beam.others = list(others)
    return one


def test_a_request_that_never_began_has_none() -> None:
    assert Generation.of(Request(key=1, document="", prompt=PromptText("x = ")), 0.0).alternatives() == ()


def test_the_likeliest_comes_first_and_none_says_the_answer_or_nothing() -> None:
    found = generation(
        (b"b\r\n", -2.0), (b"a\nmore", -1.0), (b" \n", -0.5), (b"c", -1.5), (b"c\n", -3.0), answer=b"a\nother"
    ).alternatives()
    assert found == (Alternative("c", -1.5), Alternative("b", -2.0))


def test_they_end_at_a_stop_string_and_are_few() -> None:
    assert generation((b"b;c", -1.0), stop=(";",)).alternatives() == (Alternative("b", -1.0),)
    many = [(bytes([97 + i]), -float(i)) for i in range(9)]
    assert len(generation(*many).alternatives()) == MAX_ALTERNATIVES
