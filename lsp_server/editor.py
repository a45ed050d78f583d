"""The editor at the other end: what it can do, and what may be said to it unasked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.capabilities import ServerCapabilitiesBuilder

from lsp_server.position import Encoding
from lsp_server.stdio import Output

if TYPE_CHECKING:
    from lsp_server.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the client said of itself in `initialize`."""

    encoding: Encoding = "utf-16"
    streaming: bool = False  # asked for midfill/inlineCompletionPartial
    configuration: bool = False  # answers workspace/configuration
    progress: bool = False  # answers window/workDoneProgress/create
    document_changes: bool = False  # takes edits that name the version they are for
    resolves_edits: bool = False  # asks codeAction/resolve for the edit
    watches_files: bool = False  # sends workspace/didChangeWatchedFiles to whoever registers for it
    trusted: bool = True  # the user has not said that the workspace is a stranger's

    @classmethod
    def of(cls, params: types.InitializeParams) -> Abilities:
        """Read them from `initialize`; what is not mentioned is not there."""
        client = params.capabilities
        workspace, window, document = client.workspace, client.window, client.text_document
        edit = workspace.workspace_edit if workspace else None
        watched = workspace.did_change_watched_files if workspace else None
        action = document.code_action if document else None
        resolve = action.resolve_support if action else None
        return cls(
            encoding=_encoding(client),
            streaming=_options(params).get("streaming") is True,
            configuration=bool(workspace and workspace.configuration),
            progress=bool(window and window.work_done_progress),
            document_changes=bool(edit and edit.document_changes),
            resolves_edits=bool(resolve and "edit" in resolve.properties),
            watches_files=bool(watched and watched.dynamic_registration),
            trusted=_options(params).get("trusted") is not False,
        )


def initial_settings(params: types.InitializeParams) -> object:
    """The settings in `initializationOptions`: under "midfill", or beside "streaming" and "trusted"."""
    options = _options(params)
    if "midfill" in options:
        return options["midfill"]
    return {name: value for name, value in options.items() if name not in ("streaming", "trusted")}


def _options(params: types.InitializeParams) -> Mapping[str, Any]:
    options = params.initialization_options
    return options if isinstance(options, Mapping) else {}


def _encoding(client: types.ClientCapabilities) -> Encoding:
    # pygls' choice, the first in the client's list that is one of the three, is what `initialize` answers.
    chosen = ServerCapabilitiesBuilder.choose_position_encoding(client)
    if chosen == "utf-8":
        return "utf-8"
    return "utf-32" if chosen == "utf-32" else "utf-16"


class Editor:
    """Notifications and requests to the editor. Nothing here waits, except where it says so."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    @property
    def congested(self) -> bool:
        """Whether the editor reads more slowly than it is written to: leave out what can be left out."""
        writer = self._protocol.writer
        return isinstance(writer, Output) and writer.congested

    def notify(self, method: str, params: object) -> None:
        """Send a notification; `params` is an lsprotocol object or plain JSON."""
        self._protocol.notify(method, params)

    def log(self, message: str, kind: types.MessageType = types.MessageType.Warning) -> None:
        """A line in the editor's log of this server."""
        self.notify(types.WINDOW_LOG_MESSAGE, types.LogMessageParams(type=kind, message=message))

    def show(self, message: str, kind: types.MessageType = types.MessageType.Warning) -> None:
        """A message that the user sees: only about what the user has just done or set."""
        self.notify(types.WINDOW_SHOW_MESSAGE, types.ShowMessageParams(type=kind, message=message))

    async def configuration(self, section: str) -> object:
        """Ask for a section of the configuration. Raises JsonRpcException if the editor refuses."""
        params = types.ConfigurationParams(items=[types.ConfigurationItem(section=section)])
        sections = await self._protocol.send_request_async(types.WORKSPACE_CONFIGURATION, params)
        return sections[0] if sections else None

    def request(self, method: str, params: object) -> Future[Any]:
        """Send a request whose answer may never come."""
        return self._protocol.send_request(method, params)

    @contextmanager
    def cancellable(self, token: int | str, cancel: Callable[[], None]) -> Iterator[None]:
        """While the block runs, `window/workDoneProgress/cancel` for a token calls `cancel`."""
        tokens = self._protocol.progress.tokens
        pressed: Future[None] = Future()
        pressed.add_done_callback(lambda future: cancel() if future.cancelled() else None)
        tokens[token] = pressed
        try:
            yield
        finally:
            tokens.pop(token, None)
