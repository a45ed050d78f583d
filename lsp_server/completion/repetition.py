"""Text that a model repeats: its own lines, the line above the cursor, or one piece over and over."""

import re
from dataclasses import dataclass

# Longest repeated passage looked for, in lines.
_MAX_PERIOD = 4
# Eight times the same piece in one line is a model in a loop; a row of a table of zeros is shorter. Words of
# a language without spaces between them do not come three times in a row.
_LOOP = re.compile(r"(.{1,40}?)\1{7,}|([^\x00-\x7f]{2,20}?)\2{2,}")
_RULE = re.compile(r"(.)\1*")
_MAX_RULE = 120

# Lines that any function may have twice.
_COMMON = frozenset({"begin", "break", "continue", "else", "end", "finally", "pass", "return", "then", "try"})


@dataclass(frozen=True, slots=True)
class Repetition:
    """Lines before `keep` are new; from there on they repeat (`certain`), or may turn out to."""

    keep: int
    certain: bool


def is_telling(line: str) -> bool:
    """Whether a line says enough for its second occurrence to be a repetition: `}` and `else:` do not."""
    return len(re.findall(r"\w", line)) >= 3 and line.strip(" \t{}:;") not in _COMMON


def repeated_lines(lines: list[str], above: str, whole: bool) -> Repetition | None:
    """Where `lines` begin to repeat themselves, or `above`, the line before them.

    The last of `lines` is still growing unless they are `whole`: it may become what it is a prefix of so far.
    """
    earlier = [above, *lines]
    for count in range(1, len(lines) + whole):
        for period in range(1, min(_MAX_PERIOD, count) + 1):
            if _repeats(earlier[: count + 1], period, period):
                return Repetition(count - period, True)
    doubtful = [
        length
        for period in range(1, _MAX_PERIOD + 1)
        for length in range(1, period + 1)
        if length + period <= len(earlier) and _repeats(earlier, period, length, growing=not whole)
    ]
    return Repetition(len(lines) - max(doubtful), False) if doubtful else None


def _repeats(lines: list[str], period: int, length: int, growing: bool = False) -> bool:
    """Whether the last `length` lines are those that stand `period` lines above them."""
    if length + period > len(lines):
        return False
    tail, source = lines[-length:], lines[-length - period : len(lines) - period]
    same = source[-1].startswith(tail[-1]) if growing else source[-1] == tail[-1]
    return same and source[:-1] == tail[:-1] and any(map(is_telling, source))


def looped(line: str) -> int | None:
    """Where a line begins to say the same piece again and again; a rule of one character may be long."""
    for match in _LOOP.finditer(line):
        piece = match[match.lastindex or 1]
        rule = _RULE.fullmatch(piece) and len(match[0]) <= _MAX_RULE
        if piece.strip() and not rule:
            return match.start() + len(piece)
    return None
