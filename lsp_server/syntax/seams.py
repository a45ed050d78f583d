"""Line ends between statements, in a text on its way."""

from lsp_server.syntax.nodes import CONTAINERS
from lsp_server.syntax.replacement import Replacement
from lsp_server.syntax.site import Site


class Seams:
    """Which line ends of a text generated at a cursor lie between two statements, by the document's tree.

    Kept while the text streams in: each line end is asked about at every chunk, and parsed once.
    """

    def __init__(self, site: Site) -> None:
        """`site` is the cursor."""
        self._site = site
        self._known: dict[tuple[int, str], bool] = {}

    def between(self, text: str, end: int) -> bool:
        """Whether the line end at `end` does; `text` goes on to the end of the next line's first token.

        A method chain, an operator at either side, a header without its body: all make one node span the line
        end.
        """
        if (end, text) not in self._known:
            self._known[end, text] = self._parsed(text, end)
        return self._known[end, text]

    def _parsed(self, text: str, end: int) -> bool:
        tree, offset = self._site.snapshot.tree, self._site.offset
        shadow = tree.replaced(Replacement(offset, offset, text)) if tree is not None else None
        if shadow is None:
            return True
        left = offset + len(text[:end].rstrip()) - 1
        right = offset + len(text) - len(text[end:].lstrip())
        path = shadow.path(shadow.byte(left), shadow.byte(right) + 1)
        return len(path) == 1 or path[-1].is_error or path[-1].type in CONTAINERS
