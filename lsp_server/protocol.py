"""JSON-RPC as the specification has it: every request gets exactly one reply, whatever it looks like.

pygls parses, keeps the futures and builds the capabilities; this class decides what a message is and answers
the bad ones. Documents are ours (lsp_server/document.py), so pygls' own copies of them are not kept.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import logging
import re
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

import cattrs
from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcMethodNotFound,
    JsonRpcParseError,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.protocol.json_rpc import JsonRPCNotification, JsonRPCRequestMessage, JsonRPCResponseMessage

if TYPE_CHECKING:
    from cattrs import Converter
    from pygls.lsp.server import LanguageServer

logger = logging.getLogger(__name__)

MessageId = str | int

# Parts of what a client sent come back in errors and go to stderr, which not every client reads.
_MAX_MESSAGE = 1000
_MAX_LOGGED = 200

_SNAKE = re.compile(r"(?<=[a-z])_([a-z])")


class Protocol(LanguageServerProtocol):
    """One conversation with an editor, from `receive` of a body to the bytes that the writer gets."""

    def __init__(self, server: LanguageServer, converter: Converter) -> None:
        super().__init__(server, converter)
        self.on_refused: Callable[[str, object], None] | None = None
        """Called with the method and params of a notification that could not be read."""
        self._exited = False
        self._initialized = False

    @property
    def is_shut_down(self) -> bool:
        """Whether `shutdown` has been answered: an exit is only then a good one."""
        return bool(self._shutdown)

    def has_exited(self) -> bool:
        """Whether `exit` has come: nothing more is to be received."""
        return self._exited

    # What arrives

    def receive(self, body: bytes) -> None:
        """Handle the body of one message, or answer that it is none. Raises nothing."""
        try:
            data = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            self.refuse(None, JsonRpcParseError(f"the message is not JSON in UTF-8: {error}"))
            return
        if not isinstance(data, dict) or data.get("jsonrpc") != self.VERSION:
            self.refuse(_id_of(data), JsonRpcInvalidRequest('a message is an object with "jsonrpc": "2.0"'))
        elif "method" not in data:
            self._receive_response(data)
        elif not isinstance(data["method"], str):
            self.refuse(_id_of(data), JsonRpcInvalidRequest("a method is a string"))
        elif "id" in data:
            self._receive_request(data)
        else:
            self._receive_notification(data)

    def refuse(self, msg_id: MessageId | None, error: JsonRpcException) -> None:
        """Reply with an error; `msg_id` is None where the message was too broken to have one."""
        logger.warning("refused a message: %s", error.message[:_MAX_LOGGED])
        # Not as an lsprotocol object: those leave out what is None, and the reply must say "id": null.
        reply = {"code": error.code, "message": error.message[:_MAX_MESSAGE]}
        self._send_data({"jsonrpc": self.VERSION, "id": msg_id, "error": reply})

    def _receive_request(self, data: dict[str, Any]) -> None:
        msg_id, method = _id_of(data), data["method"]
        if msg_id is None:
            self.refuse(None, JsonRpcInvalidRequest("the id of a request is a string or a whole number"))
        elif msg_id in self._request_futures:
            self.refuse(
                msg_id, JsonRpcInvalidRequest(f"a request with the id {msg_id!r} is not answered yet")
            )
        elif self._shutdown:
            self.refuse(msg_id, JsonRpcInvalidRequest(f"{method} after shutdown"))
        elif not self._initialized and method != types.INITIALIZE:
            self.refuse(msg_id, JsonRpcServerNotInitialized(f"{method} before initialize"))
        elif self._initialized and method == types.INITIALIZE:
            self.refuse(msg_id, JsonRpcInvalidRequest("initialize comes once"))
        elif not self._handles(method):
            self.refuse(msg_id, JsonRpcMethodNotFound.of(method))
        else:
            try:
                message = self.structure_message(data)
            except JsonRpcInvalidParams as error:
                self.refuse(msg_id, error)
                return
            self._initialized = True
            contextvars.copy_context().run(self._handle_request, msg_id, method, message.params)

    def _receive_notification(self, data: dict[str, Any]) -> None:
        method = data["method"]
        if method != types.EXIT and (self._shutdown or not self._initialized):
            logger.warning("ignored %s outside a session", method[:_MAX_LOGGED])
            return
        if method != types.CANCEL_REQUEST and not self._handles(method):
            logger.debug("ignored the unknown notification %s", method[:_MAX_LOGGED])
            return
        try:
            message = self.structure_message(data)
        except JsonRpcInvalidParams as error:
            logger.warning("ignored %s: %s", method, error.message[:_MAX_LOGGED])
            if self.on_refused is not None:
                self.on_refused(method, data.get("params"))
            return
        contextvars.copy_context().run(self._handle_notification, method, message.params)

    def _receive_response(self, data: dict[str, Any]) -> None:
        msg_id = _id_of(data)
        # pygls keeps what it asked, as Futures, and what it was asked, as Tasks, in one dict.
        waiting = None if msg_id is None else self._request_futures.get(msg_id)
        if msg_id is None or not isinstance(waiting, Future) or ("result" in data) == ("error" in data):
            logger.warning("ignored a response that belongs to no request")
            return
        try:
            message = self.structure_message(data)
        except JsonRpcInvalidParams as error:
            self._request_futures.pop(msg_id).set_exception(error)
            return
        self._handle_response(msg_id, getattr(message, "result", None), getattr(message, "error", None))

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Turn a JSON object into its lsprotocol type. Raises JsonRpcInvalidParams naming the bad fields."""
        if "method" in data:
            ours = JsonRPCRequestMessage if "id" in data else JsonRPCNotification
            kind = self.get_message_type(data["method"]) or ours
            if data.get("params") is None:  # some clients send null, or nothing, where the params are empty
                data = {key: value for key, value in data.items() if key != "params"}
                if data["method"] == types.INITIALIZED:
                    data["params"] = {}
            return self._structure(data, kind)
        if "error" in data:
            return self._structure(data, types.ResponseErrorMessage)
        return self._structure(data, self._result_types.pop(data["id"], None) or JsonRPCResponseMessage)

    def _structure(self, data: dict[str, Any], kind: type[Any]) -> Any:
        try:
            return self._converter.structure(data, kind)
        except Exception as error:  # cattrs raises groups of whatever the converters raise
            problems = "; ".join(cattrs.transform_error(error, path="message"))
            named = _SNAKE.sub(lambda match: match.group(1).upper(), problems)  # as the client wrote them
            raise JsonRpcInvalidParams(f"bad params: {named[:500]}") from error

    def _handles(self, method: str) -> bool:
        return method in self.fm.builtin_features or method in self.fm.features

    # What is run

    def _execute_handler(
        self,
        msg_id: MessageId,
        handler: Callable[..., Any],
        callback: Callable[[Future[Any]], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Run a handler; one that returns a coroutine goes on in a task, and a cancel reaches it there.

        A handler that must see the documents as they were when its message arrived takes its snapshot before
        it returns the coroutine: the task's first step may come after the next change has been applied.
        """
        if asyncio.iscoroutinefunction(handler) or inspect.isgeneratorfunction(handler):
            super()._execute_handler(msg_id, handler, callback, args, kwargs)
            return
        done: Future[Any] = Future()
        try:
            result = handler(*(args or ()), **(kwargs or {}))
        except Exception as error:
            done.set_exception(error)
        else:
            if isinstance(result, Coroutine):
                done.add_done_callback(callback)
                task = asyncio.ensure_future(_finish(result, done))
                self._request_futures[msg_id] = task  # type: ignore[assignment] # pygls keeps both kinds in it
                task.add_done_callback(partial(_ended, handler=result, done=done))
                return
            done.set_result(result)
        callback(done)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override] # needs no generator
        self._exited = True

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """As pygls does it; then a client that knows inline completion is offered no `completionProvider`.

        A client with both would send both for each keystroke, and each would supersede the other.
        """
        result = yield from super().lsp_initialize(params)
        document = params.capabilities.text_document
        if document is not None and document.inline_completion is not None:
            result.capabilities.completion_provider = None
        return result

    # Not builtin here: lsp_server/features/ has these, over our own documents.

    def lsp_text_document__did_open(self, params: Any) -> None: ...
    def lsp_text_document__did_change(self, params: Any) -> None: ...
    def lsp_text_document__did_close(self, params: Any) -> None: ...
    def lsp_workspace__execute_command(self, params: Any) -> None: ...  # type: ignore[override] # as above
    def lsp_notebook_document__did_open(self, params: Any) -> None: ...
    def lsp_notebook_document__did_change(self, params: Any) -> None: ...
    def lsp_notebook_document__did_close(self, params: Any) -> None: ...


async def _finish(handler: Coroutine[Any, Any, Any], done: Future[Any]) -> None:
    """Run a handler to its end, and have the reply sent in the same step: a callback of its task would run a
    step later, and a change that is read in between would make the reply one for an old version."""
    try:
        result = await handler
    except asyncio.CancelledError:
        done.cancel()
        raise
    except Exception as error:
        done.set_exception(error)
    else:
        done.set_result(result)


def _ended(_: asyncio.Task[None], handler: Coroutine[Any, Any, Any], done: Future[Any]) -> None:
    """A task that was cancelled before its first step has not begun the handler, nor answered."""
    handler.close()
    done.cancel()


def _id_of(data: object) -> MessageId | None:
    """The id of a message if it is one: a string or a whole number, not null and not a truth value."""
    msg_id = data.get("id") if isinstance(data, dict) else None
    return msg_id if isinstance(msg_id, str | int) and not isinstance(msg_id, bool) else None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
