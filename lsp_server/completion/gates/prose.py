"""Whether a completion is text for people, of which no gate knows anything: a comment, a docstring."""

from __future__ import annotations

import re

from lsp_server.completion.gates.shadow import Shadow, left_open
from lsp_server.syntax.scan import State
from lsp_server.syntax.site import Site
from lsp_server.syntax.steps import way_to

_TEXT = re.compile("string_content|string_fragment|.*comment|.*_text")
_MAX_RESCANNED = 200_000


def is_prose(shadow: Shadow) -> bool:
    """Whether it begins and ends in one comment, or in one string of several lines, or opens such a string
    that nothing closes: then the parser reads all that follows as code."""
    site = shadow.site
    inside = site.state.inside
    left = left_open(site.lexicon, shadow.added, site.state).inside
    if inside is not None and (inside.comment or inside.multiline):
        return left is inside
    if left is not None and left.multiline and shadow.tree.root.has_error:
        return True
    node = way_to(shadow.tree, *shadow.bytes)[-1].node
    return _TEXT.fullmatch(node.type) is not None and not node.is_error


def in_open_text(site: Site) -> bool:
    """Whether the cursor stands in a string that nothing closes, however far above it begins.

    What a `Site` knows begins at the last code at column 0, for which it takes such a string's lines. To be
    asked only where something is amiss: it reads all of the text before the cursor, 10 ms for 50,000
    characters.
    """
    tree = site.snapshot.tree
    if tree is None or not tree.root.has_error or site.offset > _MAX_RESCANNED:
        return False
    inside = left_open(site.lexicon, site.snapshot.text[: site.offset], State()).inside
    return inside is not None and inside.multiline
