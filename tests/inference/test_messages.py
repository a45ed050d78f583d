import dataclasses
import tracemalloc
import typing
from typing import Annotated, Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inference import messages
from inference.frame_shape import MAX_ITEMS
from inference.messages import (
    MAX_FRAME,
    Abort,
    Alternative,
    Chunk,
    Done,
    Error,
    Generate,
    Hello,
    Message,
    ProtocolError,
    Snippet,
    Statistics,
    Status,
    StatusRequest,
    Welcome,
    decode,
    encode,
)
from inference.schema import MaxLength, OneOf, Range

KINDS = (Hello, Welcome, Generate, Abort, StatusRequest, Chunk, Done, Status, Error)
STATISTICS = Statistics(1, 0, 2, 0.5, 1.0, 1.5, 2.0, -3.25)
# How long an example takes says nothing: the machine may be busy.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Every value that a field's annotation allows, with its limits among them."""
    bound = None
    if typing.get_origin(hint) is Annotated:
        hint, bound = typing.get_args(hint)
    if hint is int:
        return st.integers(int(bound.low), int(bound.high)) | st.sampled_from(
            [int(bound.low), int(bound.high)]
        )
    if hint is float:
        return st.floats(bound.low, bound.high)
    if hint is str and isinstance(bound, OneOf):
        return st.sampled_from(bound.values)
    if hint is str:
        return st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    if typing.get_origin(hint) is tuple:
        return st.lists(values(typing.get_args(hint)[0]), max_size=min(bound.length, 5)).map(tuple)
    return instances(hint)


def instances(cls: type) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{field.name: values(hints[field.name]) for field in dataclasses.fields(cls)})


@patient
@given(st.one_of([instances(kind) for kind in KINDS]))
def test_decode_returns_what_was_encoded(message: Message) -> None:
    assert decode(encode(message)) == message


@patient
@given(st.binary(max_size=400))
def test_random_bytes_raise_nothing_but_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(body)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.integers(0, 9), inner, max_size=4)
    ),
    max_leaves=12,
)


@patient
@given(st.sampled_from(KINDS), st.data())
def test_a_field_replaced_by_anything_is_refused_or_round_trips(
    kind: type[Message], data: st.DataObject
) -> None:
    fields = msgpack.unpackb(encode(data.draw(instances(kind))))
    fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(plain)
    try:
        message = decode(msgpack.packb(fields))
    except ProtocolError:
        return
    assert decode(encode(message)) == message


@patient
@given(instances(Generate), st.data())
def test_a_damaged_frame_raises_nothing_but_protocol_error(message: Generate, data: st.DataObject) -> None:
    body = bytearray(encode(message))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(body))
    except ProtocolError:
        return


BAD_MAPS = {
    "no type": ({}, "unknown message type None"),
    "unknown type": ({"type": "Run", "id": 1}, "unknown message type 'Run'"),
    "a type that is no text": ({"type": ["Abort"], "id": 1}, "unknown message type"),
    "unknown field": ({"type": "Abort", "id": 1, "now": True}, "unknown field now"),
    "missing field": ({"type": "Hello", "version": 1}, "field client is missing"),
    "text for a number": ({"type": "Abort", "id": "1"}, "field id must be int, not str"),
    "bool for a number": ({"type": "Abort", "id": True}, "field id must be int, not bool"),
    "float for a number": ({"type": "Abort", "id": 1.0}, "field id must be int, not float"),
    "negative": ({"type": "Abort", "id": -1}, "field id must lie in"),
    "too large": ({"type": "Abort", "id": 2**53 + 1}, "field id must lie in"),
    "unknown code": ({"type": "Error", "id": 1, "code": "bad", "message": ""}, "field code must be one of"),
    "long name": ({"type": "Hello", "version": 1, "client": "x" * 4097}, "field client has 4097 characters"),
    "no map inside": ({"type": "Done", "id": 1, "stop_reason": "eot", "statistics": 3}, "must be a map"),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "complaint"), BAD_MAPS.values(), ids=BAD_MAPS.keys())
def test_decode_names_what_is_wrong(fields: dict[str, object], complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        decode(msgpack.packb(fields))


def generate_map(**changes: object) -> dict[str, object]:
    """A valid Generate as a map, changed."""
    body = encode(
        Generate(1, "file:///a.py", "a.py", "python", "x = ", "\n", snippets=(Snippet("b.py", "y"),))
    )
    fields: dict[str, object] = msgpack.unpackb(body)
    return fields | changes


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"max_tokens": -1}, "max_tokens must lie in"),
        ({"max_tokens": 10**6}, "max_tokens must lie in"),
        ({"temperature": float("nan")}, "temperature must lie in"),
        ({"top_p": float("inf")}, "top_p must lie in"),
        ({"stop": ["x"] * 33}, "stop has 33 items"),
        ({"stop": ["x", 3]}, r"stop\[1\] must be str"),
        ({"snippets": [{"path": "b.py"}]}, r"snippets\[0\]\.text is missing"),
        ({"snippets": [{"path": "b.py", "text": "", "rank": 1}]}, r"unknown field snippets\[0\]\.rank"),
        ({"prefix": "x" * (1 << 20) + "x"}, "prefix has 1048577 characters"),
    ],
)
def test_decode_names_the_field_of_a_generate(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        decode(msgpack.packb(generate_map(**changes)))


def test_fields_with_a_default_may_be_left_out() -> None:
    fields = generate_map()
    for name in ("snippets", "repository", "max_tokens", "stop", "temperature", "top_p", "seed", "salt"):
        del fields[name]
    assert decode(msgpack.packb(fields)) == Generate(1, "file:///a.py", "a.py", "python", "x = ", "\n")


BAD_BODIES = {
    "empty": (b"", "ends in the middle"),
    "not a map": (b"\x93\x01\x02\x03", "must hold a map"),
    "never used": (b"\xc1", "type 0xc1"),
    "binary": (b"\x81\xa4type\xc4\x01x", "type 0xc4"),
    "extension": (b"\x81\xa4type\xd4\x01x", "type 0xd4"),
    "number as key": (b"\x81\x01\x02", "not a message"),
    "map as key": (b"\x81\x80\x02", "not a message"),
    "not utf-8": (b"\x81\xa4type\xa1\xff", "not a message"),
    "trailing bytes": (encode(Abort(1)) + b"\xc0", "1 bytes after the end"),
    "cut short": (encode(Abort(1))[:-1], "ends in the middle"),
    "nested too deep": (b"\x91" * 9 + b"\xc0", "8 containers inside each other"),
    "nested far too deep": (b"\x91" * 100_000, "8 containers inside each other"),
    "declares four billion items": (b"\xdd\xff\xff\xff\xff", "ends in the middle"),
    "declares a long text": (b"\xdb\xff\xff\xff\xff", "ends in the middle"),
    "a million empty arrays": (b"\xdd\x00\x0f\xff\xff" + b"\x90" * 0xFFFFF, f"more than {MAX_ITEMS} items"),
    "too long": (b"\xc0" * (MAX_FRAME + 1), "the limit is"),
}


@pytest.mark.parametrize(("body", "complaint"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_decode_refuses_and_says_why(body: bytes, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        decode(body)


@pytest.mark.parametrize(
    "body",
    [
        b"\xdd\x00\x3f\xff\xff" * 800_000,  # arrays of four million in each other
        b"\xdd\x00\x3f\xff\xff" + b"\x90" * 0x3FFFFF,  # four million empty arrays
        b"\xdf\x00\x1f\xff\xff" + b"\x80" * 0x3FFFFF,  # two million maps with maps as keys
        b"\x98" * 0x3FFFFF,
    ],
)
def test_headers_do_not_allocate(body: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            decode(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 256 * 1024


def test_encode_refuses_what_decode_would() -> None:
    with pytest.raises(ProtocolError, match="id must lie in"):
        encode(Abort(-1))
    with pytest.raises(ProtocolError, match="stop_reason must be one of"):
        encode(Done(1, "tired", STATISTICS))
    with pytest.raises(ProtocolError, match="text must be str"):
        encode(Chunk(1, None))  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(ProtocolError, match="lone surrogate"):
        encode(Chunk(1, "\ud800"))


def test_encode_refuses_a_body_over_the_limit() -> None:
    texts = tuple(Snippet("a", "界" * (1 << 20)) for _ in range(2))
    with pytest.raises(ProtocolError, match="the limit is"):
        encode(Generate(1, "d", "p", "l", "", "", snippets=texts))


def test_a_number_may_be_whole_where_a_float_is_meant() -> None:
    assert decode(encode(Generate(1, "d", "p", "l", "", "", temperature=0))) == Generate(
        1, "d", "p", "l", "", ""
    )


def test_the_largest_generate_has_room_below_the_item_limit() -> None:
    most = Generate(
        1, "d", "p", "l", "", "",
        snippets=tuple(Snippet("p", "t") for _ in range(messages.MAX_SNIPPETS)),
        stop=tuple("s" for _ in range(messages.MAX_STOPS)),
    )  # fmt: skip
    assert decode(encode(most)) == most


def test_every_bound_of_every_message_is_one_the_codec_knows() -> None:
    for kind in (*KINDS, Alternative, Snippet, Statistics):
        for hint in typing.get_type_hints(kind, include_extras=True).values():
            if typing.get_origin(hint) is Annotated:
                assert isinstance(typing.get_args(hint)[1], Range | MaxLength | OneOf)
            else:
                assert dataclasses.is_dataclass(hint), f"{kind.__name__} has a field without bounds"
