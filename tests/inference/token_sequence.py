"""A model's sequence that remembers the tokens and computes nothing."""


class TokenSequence:
    """A token is 10 bytes."""

    token_bytes = 10

    def __init__(self, tokens=()):
        self.tokens = list(tokens)

    @property
    def length(self):
        return len(self.tokens)

    @property
    def memory_bytes(self):
        return self.token_bytes * len(self.tokens)

    def truncate(self, length):
        del self.tokens[length:]

    def fork(self, length):
        return TokenSequence(self.tokens[:length])
