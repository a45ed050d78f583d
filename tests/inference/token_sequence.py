"""A model's sequence that remembers the tokens and computes nothing, in pages as real ones are."""

from inference.model import OutOfPagesError


class TokenPool:
    """A page has 4 tokens. `users` counts the sequences that have each page."""

    page_tokens = 4

    def __init__(self, num_pages=1 << 20):
        self.num_pages = num_pages
        self.users = {}

    @property
    def num_free(self):
        return self.num_pages - len(self.users)

    def take(self):
        if not self.num_free:
            raise OutOfPagesError("no page is free")
        number = next(number for number in range(self.num_pages) if number not in self.users)
        self.users[number] = 1
        return number

    def release(self, number):
        self.users[number] -= 1
        if not self.users[number]:
            del self.users[number]

    def new_sequence(self):
        return TokenSequence(pool=self)


class TokenSequence:
    """Forks share pages; one that is partly filled is copied by who goes on in it."""

    def __init__(self, tokens=(), pool=None):
        self.pool = pool or TokenPool()
        self.tokens, self.pages = [], []
        self.append(tokens)

    def __del__(self):
        for number in self.pages:
            self.pool.release(number)

    @property
    def length(self):
        return len(self.tokens)

    def append(self, tokens):
        """All of them, or none and OutOfPagesError."""
        size = self.pool.page_tokens
        shares = self.length % size != 0 and self.pool.users[self.pages[-1]] > 1
        more = -(-(self.length + len(tokens)) // size) - len(self.pages)
        if tokens and more + shares > self.pool.num_free:
            raise OutOfPagesError("no page is free")
        if tokens and shares:
            self.pool.release(self.pages.pop())
            more += 1
        self.pages += [self.pool.take() for _ in range(more)]
        self.tokens += tokens

    def truncate(self, length):
        assert length <= self.length
        del self.tokens[length:]
        while len(self.pages) > -(-length // self.pool.page_tokens):
            self.pool.release(self.pages.pop())

    def fork(self, length):
        assert length <= self.length
        fork = self.pool.new_sequence()
        fork.tokens = self.tokens[:length]
        fork.pages = self.pages[: -(-length // self.pool.page_tokens)]
        for number in fork.pages:
            self.pool.users[number] += 1
        return fork
