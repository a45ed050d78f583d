"""An editor that keeps its text as UTF-16 code units, as JavaScript and Java do: the oracle of documents."""

from dataclasses import dataclass, field

_LF, _CR = 0x0A, 0x0D


def to_units(text: str) -> list[int]:
    """The code units of a text, by the definition of UTF-16 (RFC 2781)."""
    result = []
    for character in text:
        point = ord(character)
        if point < 0x10000:
            result.append(point)
        else:
            result += [0xD800 + ((point - 0x10000) >> 10), 0xDC00 + ((point - 0x10000) & 0x3FF)]
    return result


def to_text(units: list[int]) -> str:
    """The text of code units; a surrogate without its counterpart is itself."""
    result = []
    at = 0
    while at < len(units):
        high = units[at]
        low = units[at + 1] if at + 1 < len(units) else 0
        if 0xD800 <= high < 0xDC00 and 0xDC00 <= low < 0xE000:
            result.append(chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)))
            at += 2
        else:
            result.append(chr(high))
            at += 1
    return "".join(result)


@dataclass
class Utf16Editor:
    """Lines are found one unit at a time, on every question, from the text as it is."""

    units: list[int] = field(default_factory=list)

    def lines(self) -> list[tuple[int, int]]:
        """The extent of each line in units, without its end."""
        result = []
        start = at = 0
        while at < len(self.units):
            if self.units[at] in (_LF, _CR):
                result.append((start, at))
                at += 2 if self.units[at : at + 2] == [_CR, _LF] else 1
                start = at
            else:
                at += 1
        return [*result, (start, at)]

    def index(self, line: int, character: int) -> int:
        """The unit that a position means, clamped as the protocol says."""
        lines = self.lines()
        if line >= len(lines):
            return len(self.units)
        start, end = lines[line]
        return min(start + character, end)

    def replace(self, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
        """Put `text` in the place of what lies between two positions, in either order."""
        first, last = sorted((self.index(*start), self.index(*end)))
        self.units[first:last] = to_units(text)

    def position(self, unit: int) -> tuple[int, int]:
        """The position of a unit; one within \\r\\n is the end of the line."""
        for number, (start, end) in enumerate(self.lines()):
            if unit <= end:
                return number, unit - start
            following = self.units[end : end + 2]
            if following == [_CR, _LF] and unit == end + 1:
                return number, end - start
        raise AssertionError(unit)
