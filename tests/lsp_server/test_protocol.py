"""What an editor may do wrong, and what it gets for it."""

import asyncio
import json
from collections.abc import Coroutine
from concurrent.futures import Future
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lsp_server.server import Server
from lsp_server.settings import Settings
from tests.lsp_server.fake_editor import FakeEditor
from tests.lsp_server.fake_link import FakeGeneration, FakeLink

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
NOT_INITIALIZED = -32002


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


async def still_answers(editor: FakeEditor) -> None:
    assert (await editor.error("midfill/none", {}))["code"] == METHOD_NOT_FOUND


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"hello",
        b'{"jsonrpc": "2.0", "id": 1, "method": "shutdown"',
        b'{"jsonrpc": "2.0", "id": NaN}',
        b'{"a": "\xff\xfe"}',
        "{}".encode("utf-16"),
        b"[" * 100_000,
        b'{"id": %s}' % (b"1" * 5000),
    ],
)
async def test_a_message_that_is_not_json_gets_a_parse_error(body: bytes) -> None:
    async with FakeEditor() as editor:
        editor.send_bytes(frame(body))
        reply = await editor.orphan()
        assert reply["error"]["code"] == PARSE_ERROR
        assert reply["id"] is None
        await still_answers(editor)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "message",
    [
        1,
        None,
        "shutdown",
        [],
        [{"jsonrpc": "2.0", "id": 9, "method": "shutdown"}],
        {},
        {"id": 9, "method": "shutdown"},
        {"jsonrpc": "1.0", "id": 9, "method": "shutdown"},
        {"jsonrpc": "2.0", "id": 9, "method": 7},
        {"jsonrpc": "2.0", "id": None, "method": "shutdown"},
        {"jsonrpc": "2.0", "id": True, "method": "shutdown"},
        {"jsonrpc": "2.0", "id": {}, "method": "shutdown"},
        {"jsonrpc": "2.0", "id": 1.5, "method": "shutdown"},
    ],
)
async def test_json_that_is_no_message_gets_invalid_request(message: object) -> None:
    async with FakeEditor() as editor:
        editor.send(message)
        reply = await editor.orphan()
        assert reply["error"]["code"] == INVALID_REQUEST
        sent_id = message.get("id") if isinstance(message, dict) else None
        assert reply["id"] == (9 if sent_id == 9 else None)
        await still_answers(editor)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "data", [b"Content-Length: 100000000000\r\n\r\n", b"Content-Length: nought\r\n\r\n", b"?" * 9000]
)
async def test_a_bad_frame_gets_invalid_request(data: bytes) -> None:
    async with FakeEditor() as editor:
        editor.send_bytes(data)
        reply = await editor.orphan()
        assert reply["error"]["code"] == INVALID_REQUEST
        assert reply["id"] is None
        await still_answers(editor)


@pytest.mark.asyncio
async def test_a_header_in_lower_case_is_a_header() -> None:
    async with FakeEditor() as editor:
        message = editor.call("midfill/none", {})
        body = json.dumps(message).encode()
        editor.send_bytes(b"content-length: %d\r\n\r\n%s" % (len(body), body))
        assert (await editor.reply(message["id"]))["error"]["code"] == METHOD_NOT_FOUND


@pytest.mark.asyncio
async def test_a_message_may_come_byte_by_byte() -> None:
    async with FakeEditor() as editor:
        message = editor.call("midfill/none", {})
        for byte in frame(json.dumps(message).encode()):
            editor.send_bytes(bytes([byte]))
            await asyncio.sleep(0)
        assert (await editor.reply(message["id"]))["error"]["code"] == METHOD_NOT_FOUND


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["midfill/none", "$/none", "textDocument/hover", ""])
async def test_an_unknown_method_is_not_found(method: str) -> None:
    async with FakeEditor() as editor:
        assert (await editor.error(method, {}))["code"] == METHOD_NOT_FOUND


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "params", "where"),
    [
        ("textDocument/inlineCompletion", {}, "textDocument"),
        ("textDocument/inlineCompletion", None, "params"),
        ("textDocument/inlineCompletion", [], "params"),
        ("textDocument/inlineCompletion", "x", "params"),
        ("textDocument/completion", {"textDocument": {"uri": "a"}, "position": {"line": "x"}}, "position"),
        ("textDocument/completion", {"textDocument": {"uri": "a"}, "position": None}, "position"),
        (
            "textDocument/completion",
            {"textDocument": {"uri": "a"}, "position": {"line": -1, "character": 0}},
            "position",
        ),
        ("textDocument/codeAction", {"textDocument": {"uri": "a"}}, "range"),
        ("codeAction/resolve", {}, "title"),
        ("codeAction/resolve", {"title": "x"}, "data"),
        ("codeAction/resolve", {"title": "x", "data": {"action": "complete-body"}}, "data"),
        ("workspace/executeCommand", {"command": "rm"}, "command"),
        ("workspace/executeCommand", {}, "command"),
    ],
)
async def test_bad_params_are_named(method: str, params: object, where: str) -> None:
    async with FakeEditor() as editor:
        error = await editor.error(method, params)
        assert error["code"] == INVALID_PARAMS, error
        assert where in error["message"]
        await still_answers(editor)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("textDocument/didOpen", {}),
        ("textDocument/didChange", {"textDocument": {"uri": "file:///project/b.py"}}),
        ("textDocument/didChange", {"textDocument": {"uri": "x", "version": 1}, "contentChanges": [{}]}),
        ("textDocument/didClose", None),
        ("workspace/didChangeConfiguration", 5),
        ("$/cancelRequest", {}),
        ("$/cancelRequest", {"id": 4000}),
        ("window/workDoneProgress/cancel", {"token": "none"}),
        ("$/setTrace", {"value": "verbose"}),
        ("midfill/none", {"a": 1}),
    ],
)
async def test_a_bad_notification_is_ignored_and_nobody_is_bothered(method: str, params: object) -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        editor.notify(method, params)
        editor.link.answer_with("1")
        assert [item["insertText"] for item in await editor.inline(uri, 0, 4)] == ["1"]
        assert editor.heard("window/showMessage") == []
        assert editor.orphans == []


@pytest.mark.asyncio
async def test_responses_that_belong_to_nothing_are_ignored() -> None:
    async with FakeEditor() as editor:
        for extra in ({"result": 1}, {"error": {"code": 1, "message": "x"}}, {}, {"error": 5}):
            editor.send({"jsonrpc": "2.0", "id": "none", **extra})
        await still_answers(editor)
        assert editor.orphans == []


@pytest.mark.asyncio
@pytest.mark.parametrize("extra", [{"result": None}, {"error": {"code": 1, "message": "x"}}])
async def test_a_response_with_the_id_of_the_clients_own_request_is_ignored(extra: dict[str, Any]) -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        message = editor.call("textDocument/inlineCompletion", editor.at(uri, 0, 4))
        editor.send(message)
        generation = await editor.link.next_generation()
        later = editor.call("midfill/unknown", {})
        editor.send({"jsonrpc": "2.0", "id": message["id"], **extra}, later)
        await editor.reply(later["id"])
        generation.say("1").end()
        assert (await editor.reply(message["id"]))["result"]["items"][0]["insertText"] == "1"
        assert editor.orphans == []


@pytest.mark.asyncio
async def test_one_id_cannot_be_used_twice_at_once() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        message = editor.call("textDocument/inlineCompletion", editor.at(uri, 0, 4))
        editor.send(message)
        generation = await editor.link.next_generation()
        other = editor._replies.pop(message["id"])
        editor.send(message)
        reply = await editor.orphan()
        assert reply["id"] == message["id"]
        assert reply["error"]["code"] == INVALID_REQUEST
        editor._replies[message["id"]] = other
        generation.say("1").end()
        assert (await editor.reply(message["id"]))["result"]["items"][0]["insertText"] == "1"


@pytest.mark.asyncio
async def test_requests_before_initialize_are_refused_and_notifications_ignored() -> None:
    async with FakeEditor(initialize=False) as editor:
        assert (await editor.error("shutdown", None))["code"] == NOT_INITIALIZED
        editor.open("x = ")
        await editor.result("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        editor.notify("initialized", {})
        assert await editor.inline("file:///project/a.py", 0, 4) == []
        error = await editor.error("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        assert error["code"] == INVALID_REQUEST


@pytest.mark.asyncio
async def test_an_initialize_with_bad_params_may_be_tried_again() -> None:
    async with FakeEditor(initialize=False) as editor:
        assert (await editor.error("initialize", {"capabilities": 3}))["code"] == INVALID_PARAMS
        await editor.result("initialize", {"processId": None, "rootUri": None, "capabilities": {}})


@pytest.mark.asyncio
async def test_initialize_answers_before_the_worker_is_started() -> None:
    async with FakeEditor(initialize=False) as editor:
        await editor.result("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        assert editor.link.started == 0
        editor.notify("initialized", None)
        await editor.hear("midfill/status")
        assert editor.link.started == 1


@pytest.mark.asyncio
async def test_shutdown_then_exit_is_a_good_end() -> None:
    async with FakeEditor() as editor:
        assert await editor.result("shutdown", None) is None
        assert (await editor.error("textDocument/hover", {}))["code"] == INVALID_REQUEST
        editor.notify("exit", None)
        assert await editor.server == 0
        assert editor.link.closed == 1


@pytest.mark.asyncio
async def test_shutdown_cancels_what_is_under_way_and_that_is_answered_too() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        msg_id = editor.request("textDocument/inlineCompletion", editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        assert await editor.result("shutdown", None) is None
        assert (await editor.reply(msg_id))["error"]["code"] == -32800
        assert generation.cancelled.is_set()


@pytest.mark.asyncio
async def test_exit_without_shutdown_is_a_bad_one() -> None:
    async with FakeEditor() as editor:
        editor.notify("exit", None)
        assert await editor.server == 1


@pytest.mark.asyncio
async def test_nothing_after_exit_is_read() -> None:
    async with FakeEditor() as editor:
        after = editor.call("shutdown", None)
        editor.send({"jsonrpc": "2.0", "method": "exit"}, after)
        assert await editor.server == 1
        assert not editor._replies[after["id"]].done()


@pytest.mark.asyncio
@pytest.mark.parametrize("rest", [b"", b"Content-Le", b"Content-Length: 100\r\n\r\n{"])
async def test_hanging_up_ends_the_server(rest: bytes) -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        editor.request("textDocument/inlineCompletion", editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        editor.send_bytes(rest)
        await editor.hang_up()
        assert await editor.server == 1
        assert generation.cancelled.is_set()
        assert editor.link.closed == 1


@pytest.mark.asyncio
async def test_an_editor_that_reads_late_loses_no_reply() -> None:
    async with FakeEditor() as editor:
        editor._transport.pause_reading()
        ids = [f"{number}" + "i" * 50_000 for number in range(400)]  # 20 MB of replies
        messages = [editor.call("midfill/none", {}, msg_id) for msg_id in ids]
        editor.send(*messages)
        editor._transport.resume_reading()
        for message in messages:
            assert (await editor.reply(message["id"]))["error"]["code"] == METHOD_NOT_FOUND


@pytest.mark.asyncio
async def test_little_of_what_was_sent_comes_back_or_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with FakeEditor() as editor:
        error = await editor.error("m" * 100_000, {})
        assert len(error["message"]) <= 1000
        assert len(caplog.text) < 1000


@pytest.mark.asyncio
async def test_a_fault_of_our_own_is_an_internal_error_and_nothing_pops_up() -> None:
    def broken(generation: object) -> None:
        raise RuntimeError("broken")

    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        editor.link.script = broken
        error = await editor.error("textDocument/inlineCompletion", editor.at(uri, 0, 4))
        assert error["code"] == -32603
        editor.link.answer_with("1")
        assert len(await editor.inline(uri, 0, 4)) == 1
        assert editor.heard("window/showMessage") == []


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_asked_cancelled_and_changed_each_request_gets_one_reply(seed: int) -> None:
    random = Random(seed)
    async with FakeEditor(options={"streaming": True}) as editor:
        uris = [editor.open("x = \n" * 5, uri=f"file:///project/{name}.py") for name in "ab"]
        versions = dict.fromkeys(uris, 1)
        asked: list[int] = []
        open_generations: list[FakeGeneration] = []
        editor.link.script = open_generations.append
        for _ in range(150):
            uri = random.choice(uris)
            match random.randrange(6):
                case 0 | 1:
                    method = random.choice(["textDocument/inlineCompletion", "textDocument/completion"])
                    asked.append(editor.request(method, editor.at(uri, random.randrange(6), 4)))
                case 2 if asked:
                    editor.notify("$/cancelRequest", {"id": random.choice(asked)})
                case 3:
                    versions[uri] += random.choice([1, 1, 1, 0])
                    text = None if random.randrange(5) else (0, 0, 0, 1)
                    editor.change(uri, versions[uri], "y = \n" * 5 if text is None else "z", text)
                case 4 if open_generations:
                    generation = random.choice(open_generations)
                    generation.say("1")
                    await asyncio.sleep(0)
                case _ if open_generations:
                    generation = open_generations.pop(random.randrange(len(open_generations)))
                    random.choice([generation.end, lambda generation=generation: generation.fail("gone")])()
        editor.link.answer_with("1")
        for uri in uris:  # supersedes what is still open
            asked.append(editor.request("textDocument/inlineCompletion", editor.at(uri, 0, 4)))
        for msg_id in asked:
            reply = await editor.reply(msg_id)
            assert ("result" in reply) or reply["error"]["code"] == -32800


@pytest.mark.asyncio
async def test_a_reply_is_sent_in_the_last_step_of_its_handler() -> None:
    """Else a change may be read between the two, which makes it a reply for an old version."""
    order: list[str] = []
    replied = asyncio.Event()

    def handler() -> Coroutine[Any, Any, None]:
        return last_steps()

    async def last_steps() -> None:
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(order.append, "what was read next")
        order.append("the end")

    def reply(future: Future[None]) -> None:
        order.append("the reply")
        replied.set()

    server = Server(Settings(), FakeLink)
    server.protocol._execute_handler(1, handler, reply)
    async with asyncio.timeout(10):
        await replied.wait()
        await asyncio.sleep(0)
    assert order == ["the end", "the reply", "what was read next"]


@given(data=st.data())
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_message_stops_the_server(data: st.DataObject) -> None:
    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    )
    methods = st.sampled_from(
        [
            "textDocument/didOpen",
            "textDocument/didChange",
            "textDocument/inlineCompletion",
            "codeAction/resolve",
            "textDocument/codeAction",
            "workspace/executeCommand",
            "initialize",
            "$/cancelRequest",
        ]
    )
    names = st.sampled_from(["textDocument", "uri", "position", "line", "contentChanges", "text", "data"])
    params = st.dictionaries(names, json_values, max_size=4) | json_values
    messages = st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0") | json_values},
        optional={
            "id": json_values,
            "method": methods | json_values,
            "params": params,
            "result": json_values,
        },
    )
    sent = data.draw(st.lists(messages | json_values, min_size=1, max_size=20))

    async def run() -> None:
        async with FakeEditor() as editor:
            editor.send(*sent)
            await still_answers(editor)

    asyncio.run(run())
