"""What a licence's own text says, and what the head of a file says about its licence."""

from __future__ import annotations

import re

ALLOWED = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "PSF-2.0", "ISC"}
_EVIDENCE = {
    "Apache-2.0": re.compile(r"apache license", re.IGNORECASE),
    "MIT": re.compile(r"permission is hereby granted, free of charge", re.IGNORECASE),
    "BSD-2-Clause": re.compile(r"redistribution\s+and\s+use\s+in\s+source\s+and\s+binary", re.IGNORECASE),
    "BSD-3-Clause": re.compile(
        r"redistribution\s+and\s+use\s+(of this software )?in\s+source\s+and\s+binary", re.IGNORECASE
    ),
    "ISC": re.compile(r"permission to use, copy, modify, and(/or)? distribute", re.IGNORECASE),
    "PSF-2.0": re.compile(r"python software foundation license", re.IGNORECASE),
}
_TITLE = 600  # characters in which a licence says its name
_FOREIGN_TITLE = re.compile(
    r"gnu (lesser |library |affero )?general public licen[cs]e|mozilla public licen[cs]e|eclipse public"
    r"|creative commons|business source licen[cs]e|server side public licen[cs]e|elastic licen[cs]e"
    r"|commons clause|mulan|boost software licen[cs]e|do what the f",
    re.IGNORECASE,
)
_COPYLEFT = re.compile(
    r"general public licen[cs]e|\b[al]?gpl(v?[23])?\b|mozilla public licen[cs]e|creative commons",
    re.IGNORECASE,
)
_SPDX = re.compile(r"SPDX-License-Identifier:\s*([\w.+() -]+)")
_COMMENT_LEADER = re.compile(r"\n[\s/*#;%!<>\"'-]*")


def proves(licence: str, text: str) -> bool:
    """Whether `text` is, or among others contains, the licence of that name."""
    return bool(_EVIDENCE[licence].search(text))


def is_permissive(text: str) -> bool:
    """Whether `text` is one of the licences allowed here and not under the title of another."""
    return not _FOREIGN_TITLE.search(text[:_TITLE]) and any(proves(name, text) for name in ALLOWED)


def copyleft(text: str) -> bool:
    """Whether `text` speaks of a copyleft licence on one line."""
    return bool(_COPYLEFT.search(text))


def foreign_header(head: str) -> bool:
    """Whether the head of a file, in comments of any style, names a licence that is not allowed here.

    Of the licences that an SPDX expression joins by OR one has to be allowed, else all of them. Copyleft
    is refused even where it is one choice of two.
    """
    prose = re.sub(r"\s+", " ", _COMMENT_LEADER.sub(" ", head))
    if copyleft(prose) or _FOREIGN_TITLE.search(prose):
        return True
    for expression in _SPDX.findall(head):
        names = re.split(r"[\s()]+(?:AND|OR)?[\s()]*", expression.strip(" ()-"))
        allowed = [name in ALLOWED for name in names if name]
        if not (any(allowed) if " OR " in expression else all(allowed)):
            return True
    return False
