"""Characters that an editor does not draw, or that reorder what it draws."""

from __future__ import annotations

import unicodedata

# Variation selectors and blank letters that draw nothing, beside every character of category Cf.
_BLANK_LETTERS = (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2028, 0x2029, 0x3164, 0xFFA0)
_INVISIBLE = frozenset([*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *_BLANK_LETTERS])


def hides(text: str) -> bool:
    """Whether a text holds characters that an editor does not draw, or that reorder what it draws.

    Bidirectional controls, zero-width and tag characters (CVE-2021-42574) and other controls; tab and line
    ends are not among them.
    """
    return any(not (" " <= char <= "~") and _is_hidden(char) for char in text)


def _is_hidden(char: str) -> bool:
    if char in "\t\n\r":
        return False
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn") or ord(char) in _INVISIBLE
