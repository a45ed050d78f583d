"""Someone who types at the end of what they have typed, and looks at what is shown there."""

from __future__ import annotations

from tests.lsp_server.fake_editor import FakeEditor
from tests.lsp_server.fake_link import FakeGeneration

METHOD = "textDocument/inlineCompletion"


class Typist:
    """A cursor at the end of a line of an open document, of which it is the only writer.

    In a language that no gate reads, so that whatever the model says is shown, and grows as it comes.
    """

    def __init__(self, editor: FakeEditor, text: str, language: str = "ruby", behind: str = "") -> None:
        self.editor = editor
        self.behind = behind
        self.before = text
        self.version = 1
        self.uri = editor.open(text + behind, uri=f"file:///project/a.{language}", language=language)

    def type(self, text: str, behind: str = "") -> None:
        """Insert at the cursor; `behind` is what the editor puts behind the cursor by itself."""
        line, column = self.place
        self.version += 1
        self.editor.change(self.uri, self.version, text + behind, (line, column, line, column))
        self.before += text
        self.behind = behind + self.behind

    def erase(self, count: int) -> None:
        line, column = self.place
        self.version += 1
        self.editor.change(self.uri, self.version, "", (line, column - count, line, column))
        self.before = self.before[:-count]

    @property
    def place(self) -> tuple[int, int]:
        return self.before.count("\n"), len(self.before) - self.before.rfind("\n") - 1

    def request(self) -> int:
        return self.editor.request(METHOD, self.editor.at(self.uri, *self.place))

    async def reply(self, msg_id: int) -> str:
        items = (await self.editor.reply(msg_id))["result"]["items"]
        return str(items[0]["insertText"]) if items else ""

    async def left(self, text: str) -> FakeGeneration:
        """A generation that has said `text`, whose first character has been typed: nobody waits for it."""
        msg_id = self.request()
        generation = await self.editor.link.next_generation()
        generation.say(text)
        await self.editor.hear("midfill/inlineCompletionPartial")
        self.type(text[0])
        assert await self.reply(msg_id) == ""
        assert not generation.cancelled.is_set()
        return generation

    async def shown(self) -> str:
        return await self.reply(self.request())
