"""Sequences kept after their request, so that the next one computes only what is new."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence as Ids
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.model import Model, Sequence

TokenIds = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Stored:
    salt: str
    token_ids: TokenIds
    sequence: Sequence


class KvStore:
    """Finished sequences, least recently used first, within a cap of memory that the newest alone may exceed.

    Sequences are shared only between requests of the same salt: another workspace could otherwise learn from
    the time to first text what was completed in this one.

    Args:
        model: makes the sequences.
        max_bytes: of all stored sequences; those lent to requests are not counted.
    """

    __slots__ = ("_max_bytes", "_model", "_next_key", "_stored")

    def __init__(self, model: Model, max_bytes: int) -> None:
        self._model = model
        self._max_bytes = max_bytes
        self._stored: OrderedDict[int, _Stored] = OrderedDict()
        self._next_key = 0

    def __len__(self) -> int:
        return len(self._stored)

    @property
    def memory_bytes(self) -> int:
        return sum(stored.sequence.memory_bytes for stored in self._stored.values())

    def lend(self, salt: str, token_ids: Ids[int]) -> Sequence:
        """A sequence that holds the longest known beginning of `token_ids`, at least one token short of all.

        A request that goes on from most of a stored sequence takes it over; one that shares less gets a copy
        of what it shares, and the other stays for its own document.
        """
        wanted = np.array(token_ids, dtype=np.int32)
        best, shared = None, 0
        for key, stored in self._stored.items():
            if stored.salt == salt and (length := _shared(stored.token_ids, wanted)) >= max(shared, 1):
                best, shared = key, length
        shared = min(shared, len(wanted) - 1)
        if best is None or shared <= 0:
            return self._model.new_sequence()
        stored = self._stored[best]
        if 2 * shared >= len(stored.token_ids):
            del self._stored[best]
            stored.sequence.truncate(shared)
            return stored.sequence
        self._stored.move_to_end(best)
        return stored.sequence.fork(shared)

    def give_back(self, salt: str, token_ids: Ids[int], sequence: Sequence) -> None:
        """Keep a sequence that holds exactly `token_ids`; drop the least recently used others over the cap.

        Raises:
            ValueError: the sequence is not as long as its tokens.
        """
        if sequence.length != len(token_ids):
            raise ValueError(f"a sequence of {sequence.length} tokens was returned as {len(token_ids)}")
        if not token_ids:
            return
        self._stored[self._next_key] = _Stored(salt, np.array(token_ids, dtype=np.int32), sequence)
        self._next_key += 1
        # The newest stays whatever it takes: without it, a long prompt is computed anew at every keystroke.
        while len(self._stored) > 1 and self.memory_bytes > self._max_bytes:
            self._stored.popitem(last=False)


def _shared(a: TokenIds, b: TokenIds) -> int:
    """Length of the longest common beginning."""
    length = min(len(a), len(b))
    differs = a[:length] != b[:length]
    return int(differs.argmax()) if differs.any() else length
