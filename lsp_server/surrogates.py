"""Half a surrogate pair: JSON may bring one, an edit may leave one, and no UTF-8 can carry it."""

import re

_HALF = re.compile("[\ud800-\udfff]")


def well_formed(text: str) -> str:
    """`text` with U+FFFD for every half, as ECMAScript's `toWellFormed`. One for one: offsets stay."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)
