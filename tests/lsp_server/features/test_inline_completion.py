import asyncio

import pytest

from lsp_server.syntax.languages import Grammar
from lsp_server.syntax.tree import SyntaxTree, parse
from tests.lsp_server.fake_editor import FakeEditor

pytestmark = pytest.mark.asyncio

METHOD = "textDocument/inlineCompletion"
PARTIAL = "midfill/inlineCompletionPartial"
STATISTICS = "midfill/inlineCompletionStatistics"

ENCODINGS = ["utf-8", "utf-16", "utf-32"]


def encoded(*encodings: str) -> dict[str, object]:
    return {"general": {"positionEncodings": list(encodings)}}


def units(text: str, encoding: str) -> int:
    """An independent count of code units."""
    width = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    return len(text.encode({1: "utf-8", 2: "utf-16-le", 4: "utf-32-le"}[width])) // width


async def test_the_provider_is_advertised_with_an_options_object() -> None:
    async with FakeEditor() as editor:
        capabilities = editor.initialize_result["capabilities"]
        assert capabilities["inlineCompletionProvider"] == {}
        assert capabilities["textDocumentSync"]["change"] == 2


async def test_the_item_is_what_the_model_wrote_at_the_cursor() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("def add(a, b):\n    return \n\nprint(add(1, 2))\n")
        editor.link.answer_with("a ", "+ b", "\n\n")
        items = await editor.inline(uri, 1, 11)
        cursor = {"line": 1, "character": 11}
        assert items == [{"insertText": "a + b", "range": {"start": cursor, "end": cursor}}]
        [request] = editor.link.requests
        assert request.prefix == "def add(a, b):\n    return "
        assert request.suffix == "\n\nprint(add(1, 2))\n"
        assert (request.path, request.language, request.max_tokens) == ("a.py", "python", 64)


@pytest.mark.parametrize(
    "offered", [["utf-8", "utf-16"], ["utf-16", "utf-8"], ["utf-32"], ["utf-7", "utf-8"]]
)
async def test_the_first_encoding_that_is_known_is_chosen(offered: list[str]) -> None:
    async with FakeEditor(encoded(*offered)) as editor:
        known = [encoding for encoding in offered if encoding in ENCODINGS]
        assert editor.initialize_result["capabilities"]["positionEncoding"] == known[0]


@pytest.mark.parametrize("capabilities", [{}, {"general": {}}, encoded("utf-7")])
async def test_without_a_known_encoding_it_is_utf_16(capabilities: dict[str, object]) -> None:
    async with FakeEditor(capabilities) as editor:
        assert editor.initialize_result["capabilities"]["positionEncoding"] == "utf-16"


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("before", ["s = '😀é中文' + ", "# 求两个数的和 😀😀: "])
async def test_positions_count_in_the_encoding_that_was_agreed_on(encoding: str, before: str) -> None:
    async with FakeEditor(encoded(encoding)) as editor:
        uri = editor.open(f"z = 1\n{before}\n")
        column = units(before, encoding)
        editor.link.answer_with("z")
        [item] = await editor.inline(uri, 1, column)
        cursor = {"line": 1, "character": column}
        assert item == {"insertText": "z", "range": {"start": cursor, "end": cursor}}
        assert editor.link.requests[0].prefix.endswith(before)


async def test_half_a_surrogate_pair_is_one_unit_and_the_model_sees_a_replacement() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = '\ud83d' + ")
        editor.link.answer_with("str()")
        [item] = await editor.inline(uri, 0, 10)
        assert item["range"]["start"] == {"line": 0, "character": 10}
        assert editor.link.requests[0].prefix == "x = '\ufffd' + "


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_incremental_changes_count_in_it_too(encoding: str) -> None:
    async with FakeEditor(encoded(encoding)) as editor:
        line = "名 = '😀' + "
        uri = editor.open(f"{line}\n")
        start = units("名 = '", encoding)
        editor.change(uri, 2, "é中", (0, start, 0, start + units("😀", encoding)))
        editor.link.answer_with("str()")
        assert len(await editor.inline(uri, 0, units("名 = 'é中' + ", encoding))) == 1
        assert editor.link.requests[0].prefix == "名 = 'é中' + "


async def test_crlf_comes_back_as_crlf_and_goes_to_the_model_as_lf() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("def f(x):\r\n    \r\n")
        editor.link.answer_with("if x:\n        return 1\n    return 2\n")
        [item] = await editor.inline(uri, 1, 4)
        assert item["insertText"] == "if x:\r\n        return 1\r\n    return 2"
        assert editor.link.requests[0].prefix == "def f(x):\n    "


async def test_only_the_protocols_line_ends_are_line_ends() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("a = '\u2028\x0c\x85\x0b'\nb = \n")
        editor.change(uri, 2, "c", (1, 0, 1, 1))
        editor.link.answer_with("a")
        assert len(await editor.inline(uri, 1, 4)) == 1
        assert editor.link.requests[0].prefix.endswith("\nc = ")


@pytest.mark.parametrize("position", [(0, 999), (99, 0), (2**31 - 1, 2**31 - 1)])
async def test_a_position_out_of_range_is_the_nearest_one(position: tuple[int, int]) -> None:
    async with FakeEditor() as editor:
        uri = editor.open("value = ")
        editor.link.answer_with("3")
        [item] = await editor.inline(uri, *position)
        assert item["range"]["start"] == {"line": 0, "character": 8}


async def test_a_file_of_five_megabytes_is_completed() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = 1  # ...................\n" * 180_000 + "total = ")
        editor.link.answer_with("x")
        [item] = await editor.inline(uri, 180_000, 8)
        assert item["insertText"] == "x"
        editor.change(uri, 2, "y", (180_000, 0, 180_000, 5))
        assert len(await editor.inline(uri, 180_000, 4)) == 1
        assert len(editor.link.requests[-1].prefix) < 50_000


@pytest.mark.parametrize(
    "uri", ["file:///project/.env", "file:///home/a/.ssh/id_rsa", "file:///p/server%2Epem"]
)
async def test_a_secret_never_reaches_the_channel(uri: str) -> None:
    async with FakeEditor() as editor:
        editor.open("CANARY=hunter2\nB = ", uri=uri, language="plaintext")
        editor.change(uri, 2, "CANARY", (1, 0, 1, 1))
        assert await editor.inline(uri, 1, 9) == []
        result = await editor.result("textDocument/completion", editor.at(uri, 1, 9))
        assert result["items"] == []
        assert await editor.result("textDocument/codeAction", {
            "textDocument": {"uri": uri},
            "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}},
            "context": {"diagnostics": []},
        }) == []  # fmt: skip
        assert editor.link.requests == []


async def test_a_document_that_is_not_open_gives_nothing() -> None:
    async with FakeEditor() as editor:
        assert await editor.inline("file:///project/none.py", 0, 0) == []
        uri = editor.open("x = ")
        editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        assert await editor.inline(uri, 0, 4) == []
        assert editor.link.requests == []


async def test_a_newer_request_supersedes_the_older_which_replies_empty() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = \ny = ")
        first = editor.request(METHOD, editor.at(uri, 0, 4))
        older = await editor.link.next_generation()
        second = editor.request(METHOD, editor.at(uri, 1, 4))
        newer = await editor.link.next_generation()
        assert older.cancelled.is_set()
        assert (await editor.reply(first))["result"]["items"] == []
        newer.say("2").end()
        assert (await editor.reply(second))["result"]["items"][0]["insertText"] == "2"
        assert older.request.document == newer.request.document


async def test_a_request_in_another_document_supersedes_nothing() -> None:
    async with FakeEditor() as editor:
        uris = [editor.open("x = ", uri=f"file:///project/{name}.py") for name in "ab"]
        ids = [editor.request(METHOD, editor.at(uri, 0, 4)) for uri in uris]
        generations = [await editor.link.next_generation() for _ in uris]
        assert generations[0].request.document != generations[1].request.document
        for generation in generations:
            generation.say("1").end()
        for msg_id in ids:
            assert len((await editor.reply(msg_id))["result"]["items"]) == 1


async def test_a_burst_of_requests_gets_one_reply_each_and_the_last_one_the_text() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        messages = [editor.call(METHOD, editor.at(uri, 0, 4)) for _ in range(20)]
        editor.link.answer_with("1")
        editor.send(*messages)
        replies = [await editor.reply(message["id"]) for message in messages]
        assert [len(reply["result"]["items"]) for reply in replies[:-1]] == [0] * 19
        assert replies[-1]["result"]["items"][0]["insertText"] == "1"


async def test_cancel_reaches_the_model_and_is_the_reply() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        msg_id = editor.request(METHOD, editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        generation.say("1")
        editor.notify("$/cancelRequest", {"id": msg_id})
        assert (await editor.reply(msg_id))["error"]["code"] == -32800
        assert generation.cancelled.is_set()


async def test_cancelling_a_request_before_it_runs_still_gets_one_reply() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        message = editor.call(METHOD, editor.at(uri, 0, 4))
        cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": message["id"]}}
        editor.send(message, cancel, cancel)
        assert (await editor.reply(message["id"]))["error"]["code"] == -32800
        editor.link.answer_with("1")
        assert len(await editor.inline(uri, 0, 4)) == 1


async def test_a_change_stops_the_model_and_the_reply_is_empty() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        msg_id = editor.request(METHOD, editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        generation.say("1")
        editor.change(uri, 2, "y = ")
        assert (await editor.reply(msg_id))["result"]["items"] == []
        assert generation.cancelled.is_set()


async def test_closing_the_document_stops_the_model_too() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        msg_id = editor.request(METHOD, editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        assert (await editor.reply(msg_id))["result"]["items"] == []
        assert generation.cancelled.is_set()


async def test_a_request_sees_the_text_before_a_change_that_follows_it_at_once() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        message = editor.call(METHOD, editor.at(uri, 0, 4))
        editor.link.answer_with("1")
        editor.send(message, editor.change_message(uri, 2, "", (0, 0, 0, 4)))
        assert (await editor.reply(message["id"]))["result"]["items"] == []
        assert all(request.prefix == "x = " for request in editor.link.requests)


async def test_a_stale_change_is_refused_and_nothing_is_answered_until_the_full_text_comes() -> None:
    async with FakeEditor() as editor:
        editor_link = editor.link
        uri = editor.open("x = ", version=5)
        editor_link.answer_with("1")
        editor.change(uri, 5, "never = ", (0, 0, 0, 4))
        assert await editor.inline(uri, 0, 4) == []
        editor.change(uri, 6, "y", (0, 0, 0, 1))
        assert await editor.inline(uri, 0, 4) == []
        editor.change(uri, 7, "z = ")
        assert len(await editor.inline(uri, 0, 4)) == 1
        assert editor_link.requests[-1].prefix == "z = "


async def test_a_change_that_cannot_be_read_is_as_bad_as_a_stale_one() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        msg_id = editor.request(METHOD, editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        editor.change(uri, 2, "y", (0, 0, 0, -1))
        assert (await editor.reply(msg_id))["result"]["items"] == []
        assert generation.cancelled.is_set()
        editor.link.answer_with("1")
        editor.change(uri, 3, "y", (0, 0, 0, 1))
        assert await editor.inline(uri, 0, 4) == []
        editor.change(uri, 4, "z = ")
        assert len(await editor.inline(uri, 0, 4)) == 1


async def test_a_worker_that_fails_gives_an_empty_reply() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        msg_id = editor.request(METHOD, editor.at(uri, 0, 4))
        (await editor.link.next_generation()).say("1").fail("the worker is gone")
        assert (await editor.reply(msg_id))["result"]["items"] == []


@pytest.mark.parametrize("chunk", ["\u202e", "\u200b1", "   ", "\n", ""])
async def test_what_draws_nothing_or_hides_something_is_not_shown(chunk: str) -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        editor.link.answer_with(chunk)
        assert await editor.inline(uri, 0, 4) == []


async def test_the_text_grows_by_lines_for_a_client_that_asked_for_it() -> None:
    async with FakeEditor(options={"streaming": True}) as editor:
        uri = editor.open("def f(a, b):\n    ")
        msg_id = editor.request(METHOD, editor.at(uri, 1, 4))
        generation = await editor.link.next_generation()
        generation.say("if", " a:\n        b")
        await editor.hear(PARTIAL, 1)
        generation.say(" = a\n    ret")
        await editor.hear(PARTIAL, 2)
        generation.say("urn a + b\n    # end")
        partials = await editor.hear(PARTIAL, 3)
        generation.end()
        [item] = (await editor.reply(msg_id))["result"]["items"]
        lines = ["if a:", "        b = a", "    return a + b", "    # end"]
        seen = ["\n".join(lines[:count]) for count in (1, 2, 3)]
        assert [partial["text"] for partial in partials] == seen
        cursor = {"line": 1, "character": 4}
        for partial in partials:
            assert partial["textDocument"] == {"uri": uri, "version": 1}
            assert partial["position"] == cursor
            assert partial["range"] == item["range"] == {"start": cursor, "end": cursor}
        assert item["insertText"] == "\n".join(lines)


async def test_prose_grows_as_it_comes() -> None:
    async with FakeEditor(options={"streaming": True}) as editor:
        uri = editor.open("# Adds ")
        msg_id = editor.request(METHOD, editor.at(uri, 0, 7))
        generation = await editor.link.next_generation()
        generation.say("two")
        await editor.hear(PARTIAL, 1)
        generation.say(" numbers (")
        partials = await editor.hear(PARTIAL, 2)
        generation.end()
        assert [partial["text"] for partial in partials] == ["two", "two numbers ("]
        assert len((await editor.reply(msg_id))["result"]["items"]) == 1


async def test_a_line_that_was_seen_is_not_taken_back() -> None:
    async with FakeEditor(options={"streaming": True}) as editor:
        uri = editor.open("def f(a):\n    ")
        msg_id = editor.request(METHOD, editor.at(uri, 1, 4))
        generation = await editor.link.next_generation()
        generation.say("b = a\n    c")
        await editor.hear(PARTIAL, 1)
        generation.say(" = b\n    return nothing")
        generation.end(alternatives=["return a"])
        [item] = (await editor.reply(msg_id))["result"]["items"]
        assert [partial["text"] for partial in editor.heard(PARTIAL)] == ["b = a", "b = a\n    c = b"]
        assert item["insertText"] == "b = a\n    c = b"


@pytest.mark.parametrize("cut_short", [False, True])
async def test_another_candidate_stands_in_for_one_that_a_gate_stops(cut_short: bool) -> None:
    async with FakeEditor() as editor:
        uri = editor.open("def f(students):\n    return [s for s in ‸]\n".replace("‸", ""))
        msg_id = editor.request(METHOD, editor.at(uri, 1, 23))
        generation = await editor.link.next_generation()
        generation.alternatives = ["", "]", "exams", "students]", "f"]
        generation.say("tests" + "\n    x = 1\n" * cut_short)
        if not cut_short:
            generation.end()
        [item] = (await editor.reply(msg_id))["result"]["items"]
        assert item["insertText"] == "students"
        assert generation.cancelled.is_set() is cut_short


async def test_without_a_candidate_that_passes_nothing_is_shown() -> None:
    async with FakeEditor(options={"reuse": False}) as editor:
        uri = editor.open("def f(students):\n    return len(")
        for alternatives in ([], ["exams)", "f f)"]):
            msg_id = editor.request(METHOD, editor.at(uri, 1, 15))
            generation = await editor.link.next_generation()
            generation.say("tests)").end(alternatives=alternatives)
            assert (await editor.reply(msg_id))["result"]["items"] == []


async def test_a_worker_without_a_last_word_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsp_server.completion.alternatives.ALTERNATIVES_S", 0.01)
    async with FakeEditor() as editor:
        uri = editor.open("def f(students):\n    return len(")
        msg_id = editor.request(METHOD, editor.at(uri, 1, 15))
        generation = await editor.link.next_generation()
        generation.is_silent = True
        generation.say("tests)\n    x = 1\n")
        assert (await editor.reply(msg_id))["result"]["items"] == []


async def test_it_gets_the_statistics_even_of_a_completion_that_was_cut_short() -> None:
    async with FakeEditor(options={"streaming": True}) as editor:
        uri = editor.open("x = ")
        msg_id = editor.request(METHOD, editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        generation.say("1\ny = 2\nz = 3\n")
        assert len((await editor.reply(msg_id))["result"]["items"]) == 1
        [told] = await editor.hear(STATISTICS)
        assert told["stopReason"] == "aborted"
        assert told["textDocument"] == {"uri": uri}
        assert "prompt_tokens" in told["statistics"]
        assert told["waitedMs"] == generation.waited_ms


async def test_no_other_client_gets_custom_messages_while_it_types() -> None:
    async with FakeEditor(options={"streaming": "yes"}) as editor:
        uri = editor.open("x = ")
        editor.link.answer_with("1", " + ", "2")
        assert len(await editor.inline(uri, 0, 4)) == 1
        assert {message["method"] for message in editor.notifications} <= {"midfill/status"}


async def test_after_the_turn_is_lost_nothing_grows() -> None:
    async with FakeEditor(options={"streaming": True}) as editor:
        uri = editor.open("# x ")
        msg_id = editor.request(METHOD, editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        generation.say("1")
        await editor.hear(PARTIAL, 1)
        editor.change(uri, 2, "# y ")
        await editor.reply(msg_id)
        generation.say("23")
        editor.link.answer_with("9")
        await editor.inline(uri, 0, 4)
        assert [partial["text"] for partial in editor.heard(PARTIAL) if partial["text"] != "9"] == ["1"]


async def test_the_entry_selected_in_the_popup_is_part_of_the_text() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("import os\nos.pa\n")
        params = editor.at(uri, 1, 5)
        word = {"start": {"line": 1, "character": 3}, "end": {"line": 1, "character": 5}}
        params["context"]["selectedCompletionInfo"] = {"range": word, "text": "path"}
        editor.link.answer_with(".join('a')")
        result = await editor.result(METHOD, params)
        assert editor.link.requests[0].prefix == "import os\nos.path"
        assert result["items"][0]["range"] == word
        assert result["items"][0]["insertText"].startswith("path.join('a')")


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_an_entry_selected_in_the_popup_costs_no_full_parse(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeEditor(encoded(encoding)) as editor:
        parsed: list[str] = []

        def counted(text: str, grammar: Grammar) -> SyntaxTree | None:
            parsed.append(text)
            return parse(text, grammar)

        monkeypatch.setattr("lsp_server.document.parse", counted)
        before = "x = ['😀é中', '名."
        uri = editor.open(f"{before}长']\n")
        start, end = units(before, encoding), units(before + "长", encoding)
        word = {"start": {"line": 0, "character": start}, "end": {"line": 0, "character": end}}
        params = editor.at(uri, 0, end)
        params["context"]["selectedCompletionInfo"] = {"range": word, "text": "长度😀"}
        editor.link.answer_with(" + 1")
        result = await editor.result(METHOD, params)
        assert result["items"] == [{"insertText": "长度😀 + 1", "range": word}]
        [request] = editor.link.requests
        assert (request.prefix, request.suffix) == (before + "长度😀", "']\n")
        assert parsed == [f"{before}长']\n"]


async def test_a_private_use_of_the_uri_stays_out_of_the_channel() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ", uri="file:///home/alice/secret-project/" + "d/" * 3000 + "a.py")
        editor.link.answer_with("1")
        assert len(await editor.inline(uri, 0, 4)) == 1
        request = editor.link.requests[0]
        assert request.path == "a.py"
        assert "alice" not in repr(request)


async def test_many_documents_at_once_get_one_reply_each() -> None:
    async with FakeEditor() as editor:
        uris = [editor.open(f"x{n} = ", uri=f"file:///project/{n}.py") for n in range(30)]
        editor.link.answer_with("1")
        replies = await asyncio.gather(*(editor.inline(uri, 0, 99) for uri in uris))
        assert [len(items) for items in replies] == [1] * 30
