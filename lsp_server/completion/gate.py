"""The last questions before a text is shown."""

from __future__ import annotations

from functools import cached_property
from urllib.parse import urlsplit

from lsp_server import policy
from lsp_server.completion.gates.forbidden import Forbidden
from lsp_server.completion.gates.names import unknown_name
from lsp_server.completion.gates.prose import in_open_text, is_prose
from lsp_server.completion.gates.python_sense import nonsense
from lsp_server.completion.gates.shadow import Shadow, left_open
from lsp_server.completion.gates.syntax import LANGUAGES, Syntax
from lsp_server.completion.gates.verdict import Verdict
from lsp_server.syntax.site import Site


class Gate:
    """Asks every gate about texts for one cursor."""

    def __init__(self, site: Site, rules: policy.Rules = policy.BUILT_IN_RULES) -> None:
        """`rules` say what no shown text may hold."""
        self._site = site
        self._forbidden = Forbidden(site, rules)
        self._syntax = Syntax(site)
        grammar = site.snapshot.grammar
        self._language = "" if grammar is None else grammar.name
        # Its names are bound in other cells, which are other documents.
        self._in_cell = "notebook" in urlsplit(site.snapshot.uri).scheme

    @property
    def reads_code(self) -> bool:
        """Whether any gate looks at more than the characters here."""
        inside = self._site.state.inside
        prose = inside is not None and (inside.comment or inside.multiline)
        return self._language in LANGUAGES and self._site.snapshot.tree is not None and not prose

    def is_whole(self, text: str) -> bool:
        """Whether a text leaves no bracket and no string open that was not open before."""
        before = self._site.state
        after = left_open(self._site.lexicon, text, before)
        return len(after.stack) <= len(before.stack) and after.inside in (None, before.inside)

    def objection(self, text: str) -> Verdict | None:
        """Why a whole completion may not be shown; None if it may.

        It draws something, hides nothing, and holds no secret and nothing that a policy hides; and where it
        is code, it breaks no syntax, uses no name that nothing defines, and is not plain nonsense.
        """
        if not text.strip():
            return Verdict("blank", text, 0)
        hidden = next((at for at, character in enumerate(text) if policy.hides(character)), None)
        if hidden is not None:
            return Verdict("hidden", text[hidden], hidden)
        if (verdict := self._forbidden.objection(text)) is not None or self._site.in_comment:
            return verdict
        shadow = Shadow.of(self._site, text)
        if shadow is None or is_prose(shadow):
            return None
        verdict = self._syntax.objection(shadow)
        if verdict is None and not self._in_cell:
            verdict = unknown_name(shadow, self._language)
        if verdict is None and self._language == "python":
            verdict = nonsense(shadow)
        return None if verdict is not None and self._in_open_text else verdict

    @cached_property
    def _in_open_text(self) -> bool:
        return in_open_text(self._site)
