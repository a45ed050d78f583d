"""The messages between a language server and the worker, and how each becomes the body of a frame.

A body is one msgpack map, {"type": the class's name, ...its fields}. Both sides check every message they send
and every one they receive; whoever receives a bad one answers Error("protocol") and closes the connection.
The channel carries text, not tokens: which tokens a prompt becomes is the model's affair.

    server                     worker
    Hello            →
                     ←         Welcome, or Error and the end of the connection
    Generate, Abort  →
                     ←         Chunk*, then exactly one Done or Error for each Generate
    StatusRequest    →
                     ←         Status
"""

from dataclasses import dataclass
from typing import Annotated

import msgpack

from inference.frame_shape import MAX_DEPTH, MAX_ITEMS, FrameShapeError, check_shape
from inference.schema import MaxLength, OneOf, Range, SchemaError, from_map, to_map

PROTOCOL_VERSION = 4
"""Raised whenever a message changes. Hello, Welcome and Error keep their shape in every version, so that
two versions that meet can say so."""

MAX_FRAME = 4 << 20
"""Bytes of the longest body either side sends or accepts."""

MAX_TEXT = 1 << 20
MAX_SNIPPETS = 64
MAX_OUTLINE = 32
MAX_STOPS = 32
MAX_TOKENS = 4096
MAX_ALTERNATIVES = 4
MAX_ODDS = 64

STOP_REASONS = ("eot", "stop", "length", "aborted", "superseded")
ERROR_CODES = ("protocol", "invalid", "model", "overloaded", "internal")
WORKER_STATES = ("loading", "ready")

Id = Annotated[int, Range(0, 2**53)]
Count = Annotated[int, Range(0, 2**53)]
Milliseconds = Annotated[float, Range(0.0, 1e12)]
Logprob = Annotated[float, Range(-1e12, 1e12)]
Share = Annotated[float, Range(0.0, 1.0)]
Name = Annotated[str, MaxLength(4096)]
Text = Annotated[str, MaxLength(MAX_TEXT)]


class ProtocolError(Exception):
    """A message that the channel refuses; the text says which field and why."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Client → worker, the first frame of a connection."""

    version: Count
    client: Name


@dataclass(frozen=True, slots=True)
class Welcome:
    """Worker → client, the answer to Hello. While the model loads, `device` is "" and `context_length` 0."""

    version: Count
    model: Name
    device: Name
    pid: Count
    context_length: Count


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of another file that may help."""

    path: Name
    text: Text


@dataclass(frozen=True, slots=True)
class Extent:
    """The characters [start, end) of a text."""

    start: Count
    end: Count


@dataclass(frozen=True, slots=True)
class Generate:
    """Client → worker: fill the gap between `prefix` and `suffix`.

    A newer Generate with the same `document` on the same connection supersedes the older one, which then ends
    with Done("superseded"). `temperature` 0 is greedy. `salt` names the workspace: caches are never shared
    across it. `outline` are lines of `prefix` that say where the cursor is, most telling first: the model's
    window may not reach back to them. With `max_tokens` 0 nothing is generated: the prompt is computed for
    the requests that will begin with it, while nobody waits for anything else. It ends with Done("length"),
    or with Done("superseded") because there is, or comes, another request, of whichever client.
    """

    id: Id
    document: Name
    path: Name
    language: Name
    prefix: Text
    suffix: Text
    outline: Annotated[tuple[Extent, ...], MaxLength(MAX_OUTLINE)] = ()
    snippets: Annotated[tuple[Snippet, ...], MaxLength(MAX_SNIPPETS)] = ()
    repository: Name = ""
    max_tokens: Annotated[int, Range(0, MAX_TOKENS)] = 64
    stop: Annotated[tuple[Name, ...], MaxLength(MAX_STOPS)] = ()
    temperature: Annotated[float, Range(0.0, 100.0)] = 0.0
    top_p: Annotated[float, Range(0.0, 1.0)] = 1.0
    seed: Count = 0
    salt: Name = ""


@dataclass(frozen=True, slots=True)
class Abort:
    """Client → worker: stop the Generate of this id. One that has ended already is no error."""

    id: Id


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """Client → worker; answered even while the model loads."""

    id: Id


@dataclass(frozen=True, slots=True)
class Chunk:
    """Worker → client: the next piece of a Generate's text. `logprob` is the logarithmic probability of all
    its text so far: the sum over the tokens that spell it, as they were chosen."""

    id: Id
    text: Text
    logprob: Logprob = 0.0


@dataclass(frozen=True, slots=True)
class Statistics:
    """What one Generate cost. `cached_tokens` of the `prompt_tokens` needed no prefill; `ttft_ms` runs from
    the request's arrival in the worker to its first text; `logprob` is the sum over the generated tokens, the
    one that ended them among them."""

    prompt_tokens: Count
    cached_tokens: Count
    generated_tokens: Count
    queue_ms: Milliseconds
    prefill_ms: Milliseconds
    ttft_ms: Milliseconds
    total_ms: Milliseconds
    logprob: Logprob = 0.0


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another first line that the model would have given, and its logarithmic probability."""

    text: Name
    logprob: Logprob


@dataclass(frozen=True, slots=True)
class Done:
    """Worker → client: the end of a Generate that went well, or was stopped. `alternatives` to the first line
    of what was sent, likeliest first: those that were weighed to their end anyway."""

    id: Id
    stop_reason: Annotated[str, OneOf(STOP_REASONS)]
    statistics: Statistics
    alternatives: Annotated[tuple[Alternative, ...], MaxLength(MAX_ALTERNATIVES)] = ()


@dataclass(frozen=True, slots=True)
class Odds:
    """Of the lines that a model thinks as probable as that, so many are `right`."""

    probability: Share
    right: Share


@dataclass(frozen=True, slots=True)
class Status:
    """Worker → client. `detail` says what is wrong though the worker works, for instance no log file.
    `calibration` is the model's, by rising probability; none while it loads, or if it was never measured."""

    id: Id
    state: Annotated[str, OneOf(WORKER_STATES)]
    model: Name
    device: Name
    pid: Count
    uptime_s: Annotated[float, Range(0.0, 1e12)]
    clients: Count
    active: Count
    memory_bytes: Count
    detail: Name = ""
    calibration: Annotated[tuple[Odds, ...], MaxLength(MAX_ODDS)] = ()


@dataclass(frozen=True, slots=True)
class Error:
    """Worker → client: the end of the Generate of this id, or, with id 0, news about the whole connection."""

    id: Id
    code: Annotated[str, OneOf(ERROR_CODES)]
    message: Name


Message = Hello | Welcome | Generate | Abort | StatusRequest | Chunk | Done | Status | Error

_TYPES: dict[str, type[Message]] = {
    cls.__name__: cls for cls in (Hello, Welcome, Generate, Abort, StatusRequest, Chunk, Done, Status, Error)
}


def encode(message: Message) -> bytes:
    """The body of a message's frame. Raises ProtocolError for a field out of bounds, a text that is not
    Unicode (a lone surrogate), or a body over MAX_FRAME."""
    try:
        body: bytes = msgpack.packb({"type": type(message).__name__, **to_map(message)}, use_bin_type=True)
    except SchemaError as error:
        raise ProtocolError(f"{type(message).__name__}: {error}") from error
    except UnicodeEncodeError as error:
        raise ProtocolError(f"{type(message).__name__}: a text holds a lone surrogate") from error
    if len(body) > MAX_FRAME:
        raise ProtocolError(f"{type(message).__name__}: {len(body)} bytes, the limit is {MAX_FRAME}")
    return body


def decode(body: bytes) -> Message:
    """The message of a frame's body. Raises ProtocolError, and nothing else, whatever the bytes are.

    The headers are checked before msgpack allocates anything, so memory stays within a small multiple of the
    body: unchecked, one nested MiB of headers costs 86 MiB.
    """
    if len(body) > MAX_FRAME:
        raise ProtocolError(f"a frame of {len(body)} bytes, the limit is {MAX_FRAME}")
    fields = _unpack(body)
    name = fields.pop("type", None)
    cls = _TYPES.get(name) if isinstance(name, str) else None
    if cls is None:
        raise ProtocolError(f"unknown message type {name!r:.60}")
    try:
        return from_map(cls, fields)
    except SchemaError as error:
        raise ProtocolError(f"{cls.__name__}: {error}") from error


def _unpack(body: bytes) -> dict[str, object]:
    try:
        check_shape(body)
        value = msgpack.unpackb(
            body,
            strict_map_key=True,
            max_str_len=MAX_FRAME,
            max_array_len=MAX_ITEMS,
            max_map_len=MAX_ITEMS,
            max_bin_len=0,
            max_ext_len=0,
        )
    except FrameShapeError as error:
        raise ProtocolError(str(error)) from error
    except (ValueError, msgpack.UnpackException) as error:  # UnicodeDecodeError is a ValueError
        raise ProtocolError(f"not a message: {error}") from error
    if not isinstance(value, dict):
        raise ProtocolError("a frame must hold a map")
    return value


__all__ = [
    "MAX_DEPTH",
    "MAX_FRAME",
    "PROTOCOL_VERSION",
    "Abort",
    "Alternative",
    "Chunk",
    "Done",
    "Error",
    "Extent",
    "Generate",
    "Hello",
    "Message",
    "Odds",
    "ProtocolError",
    "Snippet",
    "Statistics",
    "Status",
    "StatusRequest",
    "Welcome",
    "decode",
    "encode",
]
