"""Which replies are due, and which have come."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

MessageId = int | str


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request. `serial` is the number of the message; `document` is "" where it is about none."""

    serial: int
    document: str


class Ledger:
    """Told of every message in the order that they are sent and heard in."""

    def __init__(self) -> None:
        self.num_messages = 0
        self.num_requests = 0
        self.num_replies = 0
        self.num_texts = 0
        self.num_surplus = 0
        self.num_stale = 0
        self._waiting: defaultdict[MessageId, list[_Sent]] = defaultdict(list)
        self._num_nameless_due = 0
        self._num_nameless = 0
        self._changes: defaultdict[str, list[int]] = defaultdict(list)  # serials
        self._answered = 0  # the latest message that the server has surely read

    @property
    def num_waiting(self) -> int:
        """Requests with an id that have had no reply."""
        return sum(map(len, self._waiting.values()))

    @property
    def waiting(self) -> list[MessageId]:
        return list(self._waiting)

    @property
    def num_nameless(self) -> int:
        """Replies without an id beyond those due; below zero for those that are missing."""
        return self._num_nameless - self._num_nameless_due

    @property
    def is_settled(self) -> bool:
        return not self._waiting and self.num_nameless >= 0

    # What is sent

    def request(self, identity: MessageId, document: str = "") -> None:
        """A request of which the server can read the id, whatever else is wrong with it."""
        self.num_messages += 1
        self.num_requests += 1
        self._waiting[identity].append(_Sent(self.num_messages, document))

    def nameless(self) -> None:
        """Something that is to be answered, without an id to answer to."""
        self.num_messages += 1
        self.num_requests += 1
        self._num_nameless_due += 1

    def notification(self, changed: str = "") -> None:
        """Something that is not to be answered; `changed` is the document that is another one behind it."""
        self.num_messages += 1
        if changed:
            self._changes[changed].append(self.num_messages)

    # What is heard

    def reply(self, message: dict[str, Any]) -> None:
        """A message without a method."""
        identity = message.get("id")
        if identity is None:
            self._num_nameless += 1
            return
        if identity not in self._waiting:
            self.num_surplus += 1
            return
        self.num_replies += 1
        has_text = _has_text(message)
        sent = self._taken(identity, has_text)
        if has_text:
            self.num_texts += 1
            changes = self._changes[sent.document]
            following = bisect_right(changes, sent.serial)
            self.num_stale += following < len(changes) and changes[following] < self._answered
        self._answered = max(self._answered, sent.serial)

    def _taken(self, identity: MessageId, has_text: bool) -> _Sent:
        """The request of a reply: of two with one id a text is for the one about a document."""
        sent = self._waiting[identity]
        index = next((at for at, each in enumerate(sent) if has_text and each.document), 0)
        taken = sent.pop(index)
        if not sent:
            del self._waiting[identity]
        return taken


def _has_text(message: dict[str, Any]) -> bool:
    result = message.get("result")
    items = result.get("items") if isinstance(result, dict) else None
    return isinstance(items, list) and bool(items) and "insertText" in items[0]
