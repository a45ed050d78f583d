"""What the worker is asked."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from inference.messages import Generate, Snippet
from lsp_server import policy
from lsp_server.completion.context import PREFIX_BUDGET, SUFFIX_BUDGET, gather
from lsp_server.document import Snapshot


def request(
    snapshot: Snapshot,
    offset: int,
    max_tokens: int,
    salt: str,
    snippets: tuple[Snippet, ...] = (),
    purpose: str = "",
) -> Generate:
    """To fill the gap at `offset`. A newer one with the same `purpose` supersedes it.

    The one place where a Generate is made: what looks like a secret in any text of it is sent as a stand-in.
    """
    context = gather(snapshot, offset, PREFIX_BUDGET, SUFFIX_BUDGET)
    around = policy.veil(context.prefix + context.suffix)  # as one text: the cursor may stand in a secret
    cursor = len(context.prefix)
    return Generate(
        id=0,  # the link's to give
        document=f"{document_key(snapshot.uri)}/{purpose}" if purpose else document_key(snapshot.uri),
        path=display_path(snapshot.uri),
        language=snapshot.language,
        prefix=around[:cursor],
        suffix=around[cursor:],
        outline=context.outline,
        snippets=tuple(Snippet(each.path, policy.veil(each.text)) for each in snippets),
        max_tokens=max_tokens,
        salt=salt,
    )


def document_key(uri: str) -> str:
    """How the worker tells documents apart: of one length whatever the URI is, and without its path."""
    return hashlib.sha256(uri.encode("utf-8", "replace")).hexdigest()[:32]


def display_path(uri: str) -> str:
    """The name of the file, which is all of its path that a prompt may hold."""
    return PurePosixPath(unquote(urlsplit(uri).path)).name[:255].encode("utf-8", "replace").decode()
