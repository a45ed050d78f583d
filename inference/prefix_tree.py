"""The beginnings of prompts whose keys and values are known, so that a request computes only what is new.

A radix tree over tokens, one for each salt (as SGLang's RadixAttention, arXiv 2312.07104, but cut between any
two tokens). Only leaves have sequences: what stands at an inner node is the beginning of every leaf below,
and a fork of any of them has it. Pages are counted by the pool; what two leaves have in common they share.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Ids
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from inference.model import OutOfPagesError, Pool, Sequence

TokenIds = npt.NDArray[np.int32]
MAX_DOCUMENTS = 1024
"""Whose latest request is remembered."""


class BrokenTreeError(Exception):
    """The tree or the pool's account is not what it must be; the text says where."""


@dataclass(slots=True, eq=False)
class _Node:
    """`token_ids` lead here from `parent`, none to a root. `used` is when a leaf at or below was last used.

    Invariant: a leaf has a `sequence` of exactly the tokens that lead to it from the root and no children; an
    inner node has two children at least and no sequence. `documents` have their latest request here.
    """

    token_ids: TokenIds
    parent: _Node | None = None
    children: dict[int, _Node] = field(default_factory=dict)
    sequence: Sequence | None = None
    documents: set[tuple[str, str]] = field(default_factory=set)
    used: int = 0

    def add(self, child: _Node) -> None:
        child.parent = self
        self.children[int(child.token_ids[0])] = child

    def leaf(self) -> _Node:
        """The most recently used at or below."""
        node = self
        while node.children:
            node = max(node.children.values(), key=lambda child: child.used)
        return node


class PrefixTree:
    """Finished sequences of all workspaces.

    Sequences are shared only between requests of the same salt: another workspace could otherwise learn from
    the time to first text what was completed in this one. Under pressure the least recently used go first,
    but the latest request of a document only after all that are no document's.

    Args:
        pool: where all the sequences are.
    """

    __slots__ = ("_leaves", "_pins", "_pool", "_roots", "_time")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._roots: dict[str, _Node] = {}
        self._leaves: OrderedDict[_Node, None] = OrderedDict()  # least recently used first
        self._pins: OrderedDict[tuple[str, str], _Node] = OrderedDict()  # by salt and document
        self._time = 0

    def __len__(self) -> int:
        """How many sequences there are."""
        return len(self._leaves)

    def lend(self, salt: str, token_ids: Ids[int]) -> Sequence:
        """A sequence of its own with the longest known beginning of `token_ids`, at least one token short of
        all; an empty one where a fork needs memory and there is none."""
        wanted = np.array(token_ids, dtype=np.int32)
        node, shared, _ = self._walk(salt, wanted)
        shared = min(shared, len(wanted) - 1)
        if node is None or shared <= 0:
            return self._pool.new_sequence()
        leaf = node.leaf()
        self._touch(leaf)
        try:
            return _sequence(leaf).fork(shared)
        except OutOfPagesError:
            return self._pool.new_sequence()

    def give_back(self, salt: str, token_ids: Ids[int], sequence: Sequence, document: str = "") -> None:
        """Keep a sequence that holds exactly `token_ids`, as the latest of `document`, if it says more than
        what is there already. It is the tree's from now on.

        Raises:
            ValueError: the sequence is not as long as its tokens.
        """
        if sequence.length != len(token_ids):
            raise ValueError(f"a sequence of {sequence.length} tokens was returned as {len(token_ids)}")
        if not token_ids:
            return
        wanted = np.array(token_ids, dtype=np.int32)
        node, shared, within = self._walk(salt, wanted)
        if node is None:
            node = self._roots.setdefault(salt, _Node(wanted[:0]))
        if shared == len(wanted):
            sequence.truncate(0)
            leaf = node.leaf()
        elif node.sequence is not None and within == len(node.token_ids):
            node.sequence.truncate(0)
            node.sequence, node.token_ids = sequence, np.concatenate([node.token_ids, wanted[shared:]])
            leaf = node
        else:
            if within < len(node.token_ids):
                node = _split(node, within)
            leaf = _Node(wanted[shared:], sequence=sequence)
            node.add(leaf)
        self._touch(leaf)
        if document:
            self._pin((salt, document), leaf)

    def evict(self) -> bool:
        """Give the pages of one sequence back, as far as nobody shares them; False if there is none left."""
        leaf = next((leaf for leaf in self._leaves if not leaf.documents), next(iter(self._leaves), None))
        if leaf is None:
            return False
        del self._leaves[leaf]
        for document in leaf.documents:
            del self._pins[document]
        _sequence(leaf).truncate(0)
        self._cut(leaf)
        return True

    def check(self, lent: Iterable[Sequence] = ()) -> None:
        """Whether every page is free or used by one of the tree's sequences or the `lent` ones, and the tree
        is in order. For tests, and when nothing is under way.

        Raises:
            BrokenTreeError: it is not.
        """
        found = [leaf for root in self._roots.values() for leaf in _checked(root)]
        if set(found) != set(self._leaves):
            raise BrokenTreeError(f"{len(found)} leaves in the tree, {len(self._leaves)} in the account")
        if any(not pinned or leaf not in self._leaves for pinned, leaf in self._pins.items()):
            raise BrokenTreeError("a document's latest request is not in the tree")
        used = {number for leaf in found for number in _sequence(leaf).pages}
        used.update(number for sequence in lent for number in sequence.pages)
        if self._pool.num_free + len(used) != self._pool.num_pages:
            raise BrokenTreeError(
                f"{self._pool.num_free} free and {len(used)} used of {self._pool.num_pages} pages"
            )

    def _walk(self, salt: str, wanted: TokenIds) -> tuple[_Node | None, int, int]:
        """As far as the tree goes along `wanted`: the node that it leads to or into, how many tokens they
        share, and how many of them are that node's own."""
        node, at, within = self._roots.get(salt), 0, 0
        while node is not None and within == len(node.token_ids) and at < len(wanted):
            child = node.children.get(int(wanted[at]))
            if child is None:
                break
            node, within = child, _shared(child.token_ids, wanted[at:])
            at += within
        return node, at, within

    def _touch(self, leaf: _Node) -> None:
        self._time += 1
        self._leaves[leaf] = None
        self._leaves.move_to_end(leaf)
        node: _Node | None = leaf
        while node is not None:
            node.used = self._time
            node = node.parent

    def _pin(self, document: tuple[str, str], leaf: _Node) -> None:
        if (older := self._pins.pop(document, None)) is not None:
            older.documents.remove(document)
        self._pins[document] = leaf
        leaf.documents.add(document)
        if len(self._pins) > MAX_DOCUMENTS:
            forgotten, node = self._pins.popitem(last=False)
            node.documents.remove(forgotten)

    def _cut(self, leaf: _Node) -> None:
        """Take a leaf off; an inner node with one child left becomes one with it."""
        parent = leaf.parent
        assert parent is not None  # noqa: S101 - a root is no leaf
        del parent.children[int(leaf.token_ids[0])]
        if parent.parent is None:
            if not parent.children:
                self._roots = {salt: root for salt, root in self._roots.items() if root is not parent}
        elif len(parent.children) == 1:
            (child,) = parent.children.values()
            child.token_ids = np.concatenate([parent.token_ids, child.token_ids])
            parent.parent.add(child)


def _sequence(leaf: _Node) -> Sequence:
    assert leaf.sequence is not None  # noqa: S101 - the invariant of a leaf
    return leaf.sequence


def _split(node: _Node, length: int) -> _Node:
    """A new inner node behind the first `length` tokens of `node`, which stays below it."""
    assert node.parent is not None  # noqa: S101 - a root has no tokens
    upper = _Node(node.token_ids[:length], used=node.used)
    node.parent.add(upper)
    node.token_ids = node.token_ids[length:]
    upper.add(node)
    return upper


def _shared(a: TokenIds, b: TokenIds) -> int:
    """Length of the longest common beginning."""
    length = min(len(a), len(b))
    differs = a[:length] != b[:length]
    return int(differs.argmax()) if differs.any() else length


def _checked(root: _Node) -> Iterator[_Node]:
    """The leaves below. Raises BrokenTreeError."""
    nodes = [(root, 0)]
    while nodes:
        node, depth = nodes.pop()
        depth += len(node.token_ids)
        if node.sequence is not None:
            if node.children or node.sequence.length != depth:
                raise BrokenTreeError(f"a leaf of {depth} tokens has {node.sequence.length} in its sequence")
            yield node
        elif len(node.children) < 1 + (node is not root):
            raise BrokenTreeError(f"an inner node has {len(node.children)} children")
        for first, child in node.children.items():
            if child.parent is not node or not len(child.token_ids) or int(child.token_ids[0]) != first:
                raise BrokenTreeError("a child stands in another's place")
            nodes.append((child, depth))
