"""One connected server, as the worker sees it, and the way between its messages and the engine's requests."""

from dataclasses import dataclass, field

from inference.messages import Chunk, Done, Error, Generate
from inference.prompt import PromptText
from inference.request import DoneEvent, ErrorEvent, Event, Request, TextEvent
from inference.transport import Channel


@dataclass(slots=True, eq=False)
class Client:
    """A connection that said Hello. Ids and documents are its own: another client's may be the same."""

    number: int
    channel: Channel
    keys: dict[int, int] = field(default_factory=dict)
    """The engine's key of each Generate under way, by id."""
    documents: dict[str, int] = field(default_factory=dict)
    """The id of the newest Generate of each document, while under way."""

    def begin(self, message: Generate, key: int) -> None:
        self.keys[message.id] = key
        if message.document:
            self.documents[message.document] = message.id

    def end(self, identity: int, document: str) -> None:
        self.keys.pop(identity, None)
        if self.documents.get(document) == identity:
            del self.documents[document]

    def request(self, message: Generate, key: int) -> Request:
        """The engine supersedes by document, so the document's name carries the connection's number."""
        return Request(
            key=key,
            document=f"{self.number}:{message.document}" if message.document else "",
            prompt=PromptText(
                prefix=message.prefix,
                suffix=message.suffix,
                path=message.path,
                language=message.language,
                repository=message.repository,
                snippets=message.snippets,
                outline=message.outline,
            ),
            max_tokens=message.max_tokens,
            stop=message.stop,
            temperature=message.temperature,
            top_p=message.top_p,
            seed=message.seed,
            salt=message.salt,
        )


def message_of(event: Event, identity: int) -> Chunk | Done | Error:
    """What a client hears of an event of its request."""
    match event:
        case TextEvent():
            return Chunk(identity, event.text, event.logprob)
        case DoneEvent():
            return Done(identity, event.stop_reason, event.statistics, event.alternatives)
        case ErrorEvent():
            return Error(identity, event.code, event.message[:4096])
