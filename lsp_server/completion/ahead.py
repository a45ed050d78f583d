"""What comes after a completion, asked for while it is still on the screen."""

from __future__ import annotations

from inference.messages import Snippet
from lsp_server import policy
from lsp_server.completion.answer import Completion
from lsp_server.completion.origin import Origin
from lsp_server.completion.recent import Recent
from lsp_server.completion.request import request
from lsp_server.document import Change, Snapshot
from lsp_server.link import Generation, Link
from lsp_server.settings import Settings


def go_on(
    snapshot: Snapshot, completion: Completion, settings: Settings, link: Link, salt: str, recent: Recent,
    snippets: tuple[Snippet, ...] = (),
) -> None:  # fmt: skip
    """Have the model go on as if `completion` had been accepted, unless `recent` knows how it would.

    `snippets` are those of the completion: the prompt is the same but for what was accepted.
    Nobody waits for it: whoever asks for anything else stops it, and it stops by itself a few lines ahead.
    """
    accepted, cursor = _accepted(snapshot, completion)
    if policy.refuses(accepted.uri, accepted.language, accepted.text, settings):
        return

    def ask() -> Generation:
        # A purpose of its own, so that it supersedes nothing.
        return link.generate(request(accepted, cursor, settings.max_tokens, salt, snippets, "ahead"))

    if not recent.goes_on(accepted, cursor):
        recent.open(Origin.of(accepted, cursor), ask)


def _accepted(snapshot: Snapshot, completion: Completion) -> tuple[Snapshot, int]:
    """The document with the completion in it, and the cursor behind that."""
    start, end = (snapshot.position(offset, "utf-32") for offset in (completion.start, completion.end))
    edited = snapshot.edited(Change(completion.text, start, end), "utf-32")
    return edited, completion.start + len(completion.text)
