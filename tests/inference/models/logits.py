"""One chunk of one sequence, where a test needs no more."""

from inference.model import Chunk, Logits, Model, Sequence


def behind(model: Model, sequence: Sequence, token_ids: list[int]) -> Logits:
    """(vocab_size,) behind the last of the tokens, which are appended."""
    (logits,) = model.forward([Chunk(sequence, token_ids)])
    assert logits.shape == (1, model.vocab_size)
    return logits[0]
