import pytest

from tests.lsp_server.fake_editor import FakeEditor

pytestmark = pytest.mark.asyncio

METHOD = "textDocument/completion"


async def test_it_is_offered_to_clients_without_inline_completion_only() -> None:
    async with FakeEditor() as editor:
        assert "completionProvider" in editor.initialize_result["capabilities"]
    async with FakeEditor({"textDocument": {"inlineCompletion": {}}}) as editor:
        assert "completionProvider" not in editor.initialize_result["capabilities"]
        assert editor.initialize_result["capabilities"]["inlineCompletionProvider"] == {}


async def test_the_entry_replaces_the_word_before_the_cursor_and_is_filtered_by_it() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("def total(items):\n    return su\n")
        editor.link.answer_with("m(items)", "\n")
        result = await editor.result(METHOD, editor.at(uri, 1, 13))
        assert result["isIncomplete"] is True
        [item] = result["items"]
        assert item["label"] == "sum(items)"
        assert item["filterText"] == "sum(items)"
        assert item["textEdit"] == {
            "range": {"start": {"line": 1, "character": 11}, "end": {"line": 1, "character": 13}},
            "newText": "sum(items)",
        }
        assert item["insertTextMode"] == 1
        assert "```python\nsum(items)\n```" in item["documentation"]["value"]


async def test_behind_other_characters_the_edit_is_an_insertion() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = (1 + ")
        editor.link.answer_with("2)")
        [item] = (await editor.result(METHOD, editor.at(uri, 0, 9)))["items"]
        cursor = {"line": 0, "character": 9}
        assert item["textEdit"] == {"range": {"start": cursor, "end": cursor}, "newText": "2)"}


async def test_a_text_of_several_lines_has_its_first_as_label_and_filter() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("def f(x):\n    \n")
        editor.link.answer_with("if x:\n        return '```'\n    return 2\n")
        [item] = (await editor.result(METHOD, editor.at(uri, 1, 4)))["items"]
        assert item["label"] == item["filterText"] == "if x:"
        assert item["textEdit"]["newText"] == "if x:\n        return '```'\n    return 2"
        assert item["documentation"]["value"].startswith("````python\n")


async def test_a_long_line_is_cut_in_the_label_alone() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        text = "'" + "y" * 80 + "'"
        editor.link.answer_with(text)
        [item] = (await editor.result(METHOD, editor.at(uri, 0, 4)))["items"]
        assert item["label"] == text[:59] + "…"
        assert item["textEdit"]["newText"] == text


async def test_nothing_to_say_is_an_empty_incomplete_list() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        editor.link.answer_with("")
        assert await editor.result(METHOD, editor.at(uri, 0, 4)) == {"isIncomplete": True, "items": []}
        assert await editor.result(METHOD, editor.at("file:///none.py", 0, 4)) == {
            "isIncomplete": True,
            "items": [],
        }


async def test_a_newer_request_takes_it_over_and_a_cancel_reaches_the_model() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        first = editor.request(METHOD, editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        second = editor.request(METHOD, editor.at(uri, 0, 4))
        assert (await editor.reply(first))["result"]["items"] == []
        assert not generation.cancelled.is_set()
        editor.notify("$/cancelRequest", {"id": second})
        assert (await editor.reply(second))["error"]["code"] == -32800
        assert generation.cancelled.is_set()
        assert len(editor.link.requests) == 1


async def test_a_key_pasted_into_a_document_without_a_name_never_reaches_the_channel() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ", uri="untitled:Untitled-1", language="plaintext")
        editor.link.answer_with("1")
        assert (await editor.result(METHOD, editor.at(uri, 0, 4)))["items"]
        editor.change(uri, 2, "-----BEGIN EC PRIVATE " + "KEY-----\nCANARY", (0, 0, 0, 4))
        for method in (METHOD, "textDocument/inlineCompletion"):
            assert (await editor.result(method, editor.at(uri, 1, 6)))["items"] == []
        assert len(editor.link.requests) == 1
