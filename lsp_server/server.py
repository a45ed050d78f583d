"""The server's capabilities, and which function answers which method."""

from __future__ import annotations

import asyncio
import gc
import logging
from functools import partial
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInternalError
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from lsp_server import __version__, stdio
from lsp_server.editor import Editor
from lsp_server.features import explain
from lsp_server.features.code_action import KIND, code_action
from lsp_server.features.code_action_resolve import code_action_resolve
from lsp_server.features.completion import TRIGGERS, completion
from lsp_server.features.configuration import did_change_configuration
from lsp_server.features.did_change import did_change, distrust
from lsp_server.features.did_change_watched_files import did_change_watched_files
from lsp_server.features.did_close import did_close
from lsp_server.features.did_open import did_open
from lsp_server.features.did_save import did_save
from lsp_server.features.execute_command import RUN_ACTION, execute_command
from lsp_server.features.initialize import initialize, initialized
from lsp_server.features.inline_completion import inline_completion
from lsp_server.link import Connect
from lsp_server.protocol import Protocol
from lsp_server.session import Session
from lsp_server.settings import Settings
from lsp_server.worker_link import connect_worker

if TYPE_CHECKING:
    from pygls.server import ServerErrors

logger = logging.getLogger(__name__)


class Server(LanguageServer):
    """A pygls server over our own protocol and session."""

    protocol: Protocol

    def __init__(self, settings: Settings, connect: Connect = connect_worker) -> None:
        super().__init__("midfill", __version__, protocol_cls=Protocol, converter_factory=default_converter)
        self.session = Session(Editor(self.protocol), settings, connect)
        self.protocol.on_refused = partial(distrust, self.session)
        self._register()

    def _register(self) -> None:
        session = self.session
        for method, handler in (
            (types.INITIALIZE, initialize),
            (types.INITIALIZED, initialized),
            (types.TEXT_DOCUMENT_DID_OPEN, did_open),
            (types.TEXT_DOCUMENT_DID_CHANGE, did_change),
            (types.TEXT_DOCUMENT_DID_CLOSE, did_close),
            (types.TEXT_DOCUMENT_DID_SAVE, did_save),
            (types.WORKSPACE_DID_CHANGE_CONFIGURATION, did_change_configuration),
            (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, did_change_watched_files),
            (types.CODE_ACTION_RESOLVE, code_action_resolve),
            (explain.METHOD, explain.explain),
        ):
            self.feature(method)(partial(handler, session))
        # Without the options object pygls does not advertise it.
        self.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())(
            partial(inline_completion, session)
        )
        self.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=TRIGGERS))(
            partial(completion, session)
        )
        self.feature(
            types.TEXT_DOCUMENT_CODE_ACTION,
            types.CodeActionOptions(code_action_kinds=[KIND], resolve_provider=True),
        )(partial(code_action, session))
        self.feature(types.WORKSPACE_EXECUTE_COMMAND)(partial(execute_command, session))
        self.command(RUN_ACTION)(
            lambda: None
        )  # pygls advertises what is registered so; `execute_command` runs it

    def report_server_error(self, error: Exception, source: ServerErrors) -> None:
        """To the log: a popup would come between the user and the code. A request has had its reply already.

        Where it happened is told, but not the error's own words, which may hold the user's text.
        """
        if isinstance(error, JsonRpcException) and not isinstance(error, JsonRpcInternalError):
            logger.info("answered with an error: %s", error.message)
            return
        frames = error.data["traceback"] if isinstance(error, JsonRpcInternalError) and error.data else []
        logger.error("%s failed:\n%s", source.__name__, "".join(frames))


def run_stdio(settings: Settings | None = None, connect: Connect = connect_worker) -> int:
    """Serve one editor over stdin and stdout until it says exit or hangs up; returns the exit code."""
    logging.getLogger("pygls").setLevel(
        logging.CRITICAL + 1
    )  # it logs whole messages, and so the user's text
    # The 56,000 objects of the imports stay to the end. With them a full collection, which may come at any
    # keystroke, takes 36 ms of CPU time; without, 0.03 ms.
    gc.freeze()
    source, sink = stdio.claim()
    return asyncio.run(serve(settings or Settings(), connect, source, sink))


async def serve(settings: Settings, connect: Connect, source: int, sink: int) -> int:
    """Serve one editor over two descriptors; returns the exit code."""
    server = Server(settings, connect)
    try:
        return await stdio.converse(server.protocol, source, sink)
    finally:
        await server.session.close()
