"""Whether a completion holds a secret, or what a policy hides."""

from __future__ import annotations

from collections.abc import Iterator

from lsp_server.completion.gates.verdict import Verdict
from lsp_server.policy import Finding, Rules, secret_in
from lsp_server.syntax.site import Site

_BEFORE, _AFTER = 1000, 200
"""Characters around the cursor that are read too: the beginning of `curl … | sh` may stand there already."""


class Forbidden:
    """Asks about texts for one cursor, in code and in comments alike."""

    def __init__(self, site: Site, rules: Rules) -> None:
        snapshot, offset = site.snapshot, site.offset
        self._rules = rules
        self._language = snapshot.language
        # Only of the cursor's line: what stands above it has been there already.
        start = max(snapshot.line_start(offset), offset - _BEFORE)
        self._line = snapshot.text[start:offset]
        self._before = snapshot.text[max(0, offset - _BEFORE) : offset]
        self._after = snapshot.text[offset : offset + _AFTER].split("\n", 1)[0].rstrip("\r")

    def objection(self, text: str) -> Verdict | None:
        """What is forbidden in it; None for what is not, or is only to be told of."""
        at = secret_in(self._before, text, self._after)
        if at is not None:
            return Verdict("secret", "", at)  # not its text: verdicts are logged
        hidden = [found for found in self.findings(text) if found.pattern.action == "hide"]
        first = min(hidden, key=lambda found: found.at, default=None)
        return None if first is None else Verdict("policy", first.pattern.id, first.at)

    def findings(self, text: str) -> Iterator[Finding]:
        """What of a text the rules forbid, or want told."""
        return self._rules.findings(self._line, text, self._after, self._language)
