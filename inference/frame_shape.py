"""Walks the headers of a msgpack body without building anything, and refuses shapes no message has.

https://github.com/msgpack/msgpack/blob/master/spec.md. Needed because a decoder allocates what headers
declare: four million one-byte empty arrays fit into a frame and become 270 MB of lists.
"""

MAX_DEPTH = 8
"""Containers inside each other."""

MAX_ITEMS = 2048
"""Values and keys of one body together; the largest Generate has fewer than 600."""

_FIXED_SIZES = {
    0xC0: 0,  # nil
    0xC2: 0,  # false
    0xC3: 0,  # true
    0xCA: 4,  # float 32
    0xCB: 8,  # float 64
    0xCC: 1,  # unsigned 8, 16, 32, 64
    0xCD: 2,
    0xCE: 4,
    0xCF: 8,
    0xD0: 1,  # signed 8, 16, 32, 64
    0xD1: 2,
    0xD2: 4,
    0xD3: 8,
}
_TEXT_LENGTHS = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_ARRAY_LENGTHS = {0xDC: 2, 0xDD: 4}
_MAP_LENGTHS = {0xDE: 2, 0xDF: 4}


class FrameShapeError(ValueError):
    """A body that is too deep, has too many items, ends early, goes on after its value, or holds binary."""


def check_shape(body: bytes) -> None:
    """Returns if `body` is exactly one value within the limits; raises FrameShapeError otherwise."""
    position = 0
    items = 0
    open_containers = [1]  # values still to come, outermost first; the body itself is a container of one
    while open_containers:
        if open_containers[-1] == 0:
            open_containers.pop()
            continue
        open_containers[-1] -= 1
        items += 1
        if items > MAX_ITEMS:
            raise FrameShapeError(f"more than {MAX_ITEMS} items in a frame")
        position, inner = _skip(body, position)
        if position > len(body):
            raise FrameShapeError("a frame ends in the middle of a value")
        if inner:
            if len(open_containers) > MAX_DEPTH:
                raise FrameShapeError(f"more than {MAX_DEPTH} containers inside each other")
            open_containers.append(inner)
    if position != len(body):
        raise FrameShapeError(f"{len(body) - position} bytes after the end of a message")


def _skip(body: bytes, position: int) -> tuple[int, int]:
    """Where the value at `position` ends (its header, if a container), and how many values it holds."""
    if position >= len(body):
        raise FrameShapeError("a frame ends in the middle of a value")
    head = body[position]
    position += 1
    if head <= 0x7F or head >= 0xE0:  # fixint
        return position, 0
    if head <= 0x8F:  # fixmap
        return position, 2 * (head & 0x0F)
    if head <= 0x9F:  # fixarray
        return position, head & 0x0F
    if head <= 0xBF:  # fixstr
        return position + (head & 0x1F), 0
    if head in _FIXED_SIZES:
        return position + _FIXED_SIZES[head], 0
    if head in _TEXT_LENGTHS:
        length, position = _length(body, position, _TEXT_LENGTHS[head])
        return position + length, 0
    if head in _ARRAY_LENGTHS:
        length, position = _length(body, position, _ARRAY_LENGTHS[head])
        return position, length
    if head in _MAP_LENGTHS:
        length, position = _length(body, position, _MAP_LENGTHS[head])
        return position, 2 * length
    raise FrameShapeError(f"a frame holds a value of type 0x{head:02x}, which no message has")


def _length(body: bytes, position: int, size: int) -> tuple[int, int]:
    return int.from_bytes(body[position : position + size], "big"), position + size
