"""What of the model's text is shown."""

import re
from dataclasses import dataclass

from lsp_server.completion.repetition import is_telling, looped, repeated_lines
from lsp_server.policy import hides
from lsp_server.syntax.seams import Seams
from lsp_server.syntax.site import Site
from lsp_server.syntax.statement import extent

# What models write where they mean a control token.
_MARKER = re.compile(r"<\|\w+\|>|<(?:PRE|SUF|MID|EOT|END|fim_\w+|file_sep|repo_name)>|</s>")
_MARKER_BEGUN = re.compile(r"<(?:\|\w*\|?|/s?|[A-Zf]\w*)?$")
_BRACKETS = frozenset("()[]{}")


@dataclass(frozen=True, slots=True)
class Trimmed:
    """The text to show so far, in the document's line ends; `complete`: no more of the model is wanted."""

    text: str
    complete: bool


class Trim:
    """Fed with the model's text as it streams, says how much of it to show.

    `feed` returns the whole text so far, never the increment. What may turn out to be a closing bracket too
    many, or what follows the cursor anyway, is held back until it is clear, so that text once shown stays
    (but for a model that gets into a loop). However the text is cut into chunks, the result is the same.
    """

    def __init__(self, site: Site, block: bool, multiline: bool = True) -> None:
        """`block`: it fills an empty block. `multiline`: whether a completion may have several lines."""
        self._site = site
        self._seams = Seams(site)
        self._block = block
        self._multiline = multiline
        self._generated = ""
        self._result = Trimmed("", False)

    def feed(self, chunk: str) -> Trimmed:
        """Take the next chunk of the model's text."""
        if not self._result.complete and chunk:
            self._generated += chunk
            self._result = self._trimmed(self._generated, final=False)
        return self._result

    def finish(self, truncated: bool = False) -> Trimmed:
        """The model has ended: the text to show, with what was held back.

        `truncated`: it ended because it was not allowed more, so the last of several lines may be half a
        line.
        """
        if not self._result.complete:
            text = self._generated
            if truncated and "\n" in text:
                text = text[: text.rindex("\n")]
            self._result = self._trimmed(text, final=True)
        return self._result

    def _trimmed(self, generated: str, final: bool) -> Trimmed:
        """What to show of everything that the model generated so far; `final`: there will be no more."""
        site, block = self._site, self._block
        text, ended = _acceptable(site, generated, final)
        final = final or ended
        if not self._multiline and "\n" in text:
            text, final = text[: text.index("\n")], True
        bounds = extent(site, self._seams, text, block, final)
        text, complete = text[: bounds.length], bounds.complete
        for cut in (_loop, _repetition, _following, _rest):
            end, certain = cut(site, text, complete)
            text, complete = text[:end], complete or certain
        if complete and block and "\n" in text and site.rest.lstrip()[:1] in _BRACKETS:
            # What closes the block stands on the cursor's line, and goes below the block.
            text = text.rstrip() + "\n" + _indentation(site.header_line)
        elif site.state.in_code or site.in_comment or not complete or len(text) < bounds.length:
            text = text.rstrip()
        if not complete:
            text = _MARKER_BEGUN.sub("", text).rstrip()
        return Trimmed(text.replace("\n", site.snapshot.newline), complete)


def drops_blank(site: Site) -> bool:
    """Whether a blank that the model's text begins with is one that the cursor's line has already."""
    return bool(site.state.in_code and site.before.strip() and site.before[-1] in " \t")


def _acceptable(site: Site, generated: str, final: bool) -> tuple[str, bool]:
    r"""The text up to the first character or marker that may never be shown, and whether there was one.

    With \n for line ends, and without a blank that the line before the cursor has already.
    """
    text = generated
    if not final and text.endswith("\r"):
        text = text[:-1]
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if drops_blank(site):
        text = text.lstrip(" ")
    ends = [match.start() for match in _MARKER.finditer(text) if match[0] not in site.snapshot.text][:1]
    if "\ufffd" in text:
        ends.append(text.index("\ufffd"))
    if hides(text):
        ends.append(next(at for at, character in enumerate(text) if hides(character)))
    return (text[: min(ends)], True) if ends else (text, False)


def _loop(site: Site, text: str, complete: bool) -> tuple[int, bool]:
    """Before a line that says the same again and again; a comment stays up to where it begins to."""
    start = text.rfind("\n") + 1
    end = looped(text[start:])
    if end is None:
        return len(text), False
    return (max(start - 1, 0) if site.state.in_code else start + end), True


def _repetition(site: Site, text: str, complete: bool) -> tuple[int, bool]:
    """Before lines that were there before, or that may turn out to be."""
    lines = (site.before + text).split("\n")
    found = repeated_lines(lines, _line_above(site), complete and not site.rest.strip())
    if found is None or (complete and not found.certain):
        return len(text), False
    kept = len("\n".join(lines[: found.keep])) - len(site.before)
    return max(kept, 0), found.certain


def _following(site: Site, text: str, complete: bool) -> tuple[int, bool]:
    """Before a line that follows the cursor already, or that may grow into it.

    The first line may be indented otherwise: how far the cursor was is no part of what it says.
    """
    follows = site.next_line().rstrip()
    if not is_telling(follows) or site.rest.strip():
        return len(text), False
    at = -len(site.before)
    lines = (site.before + text).split("\n")
    for number, line in enumerate(lines):
        whole = complete or number + 1 < len(lines)
        said, other = (line, follows) if number else (line.lstrip(), follows.lstrip())
        if whole and said.rstrip() == other:
            return max(at, 0), True
        if not whole and said.strip() and other.startswith(said.rstrip()):
            return max(at, 0), False
        at += len(line) + 1
    return len(text), False


def _rest(site: Site, text: str, complete: bool) -> tuple[int, bool]:
    """Before the rest of the cursor's line, where the text has it too, or may be about to.

    Brackets are the affair of `extent`; other rests too short to be told from ordinary text count at the end
    only.
    """
    rest = site.rest.strip()
    if not rest or rest[0] in _BRACKETS:
        return len(text), False
    if len(rest) >= 3 and rest in text:
        return len(text[: text.index(rest)].rstrip()), True
    for length in range(min(len(rest), len(text)), 0, -1):
        if text.endswith(rest[:length]):
            if complete and length < len(rest):
                break
            return len(text) - length, False
    return len(text), False


def _line_above(site: Site) -> str:
    """The line above the cursor's, "" at the first."""
    number = site.snapshot.lines.line_at(site.offset)
    return site.snapshot.line(number - 1) if number else ""


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]
