"""Work-done progress that the server begins, with a cancel button that works."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from lsprotocol import types

from lsp_server.editor import Editor


class Progress:
    """One bar. Nothing is sent before the client has agreed to the token, nor after the end."""

    def __init__(self, editor: Editor, token: int | str, title: str) -> None:
        self._editor = editor
        self._token = token
        self._title = title
        self._begun = False
        self._ended = False

    def begin(self) -> None:
        if not self._ended:
            self._begun = True
            self._send(types.WorkDoneProgressBegin(title=self._title, cancellable=True))

    def report(self, message: str) -> None:
        if self._begun and not self._ended and not self._editor.congested:
            self._send(types.WorkDoneProgressReport(message=message, cancellable=True))

    def end(self) -> None:
        if self._begun and not self._ended:
            self._send(types.WorkDoneProgressEnd())
        self._ended = True

    def _send(self, value: Any) -> None:
        self._editor.notify(types.PROGRESS, types.ProgressParams(token=self._token, value=value))


@contextmanager
def progress(
    editor: Editor, supported: bool, title: str, cancel: Callable[[], None], token: int | str | None = None
) -> Iterator[Progress]:
    """Show a bar while the block runs; `cancel` is called when the user presses its button.

    `token` is the client's own, if it sent one. The block does not wait for the client to agree to ours: a
    client that never answers gets no bar.
    """
    own = token is None
    token = uuid.uuid4().hex if token is None else token
    bar = Progress(editor, token, title)
    with editor.cancellable(token, cancel):
        if not own:
            bar.begin()
        elif supported:
            _begin_when_agreed(editor, token, bar)
        try:
            yield bar
        finally:
            bar.end()


def _begin_when_agreed(editor: Editor, token: int | str, bar: Progress) -> None:
    def agreed(answer: Future[Any]) -> None:
        if not answer.cancelled() and answer.exception() is None:
            bar.begin()

    created = editor.request(
        types.WINDOW_WORK_DONE_PROGRESS_CREATE, types.WorkDoneProgressCreateParams(token)
    )
    created.add_done_callback(agreed)
