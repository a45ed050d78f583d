"""What an editor would show: a few real files through a real session, the ghost text growing as it streams.

    python -m benchmarks.demo [--model PATH]

Each scene takes a piece out of a file of benchmarks/samples, puts the cursor there and types the last few
characters before it, asking for a completion at each, as an editor does. The last answer is shown: on
a terminal it grows in its place, into a pipe only its final state is written.
"""

import argparse
import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.editor import Editor, Shown, WorkerError, session
from benchmarks.lsp_client import LspError
from benchmarks.screen import Screen

SAMPLES = Path(__file__).parent / "samples"


@dataclass(frozen=True, slots=True)
class Scene:
    """A cursor: `hidden` is taken out of `file` after `before`, whose last `typed` characters are typed."""

    title: str
    file: str
    before: str
    hidden: str
    typed: int = 3

    def cut(self) -> tuple[str, int]:
        """The file's text without `hidden`, and where that was. Raises ValueError unless it is there once."""
        text = (SAMPLES / self.file).read_text(encoding="utf-8")
        if text.count(self.before + self.hidden) != 1:
            raise ValueError(f"{self.file} holds {self.before + self.hidden!r} not exactly once")
        at = text.index(self.before + self.hidden) + len(self.before)
        return text[:at] + text[at + len(self.hidden) :], at


SCENES = (
    Scene("in the middle of a line", "inventory.py", "        return iter(self.items.", "values()"),
    Scene("a statement", "inventory.py", "            total += ", "item.value"),
    Scene(
        "the empty body of a block",
        "intervals.py",
        '    def overlaps(self, other: "Interval") -> bool:\n        ',
        "return self.start < other.end and other.start < self.end",
        typed=8,
    ),
    Scene(
        "inside a call",
        "access_log.py",
        "in most_common(requests, ",
        "options.field, options.limit",
    ),
    Scene("a Chinese comment", "temperature.py", "        # 返回最", "低温度", typed=2),
    Scene(
        "under a Chinese comment",
        "temperature.py",
        "        # 返回最低温度\n        return ",
        "min(self.readings)",
    ),
    Scene("a language that the model was not trained on", "retry.ts", "        await sleep(", "pause"),
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.demo", description="Completions, as an editor shows them."
    )
    parser.add_argument(
        "--model", default="", metavar="PATH", help="a model's folder (default: the one that ships)"
    )
    options = parser.parse_args(arguments)
    try:
        asyncio.run(play(options.model, Screen(sys.stdout)))
    except (WorkerError, LspError, TimeoutError) as error:
        print(f"demo: {error or 'the server did not answer in time'}", file=sys.stderr)
        return 1
    return 0


async def play(model: str, screen: Screen) -> None:
    """Every scene, one after the other."""
    # Without reuse, so that the last key shows what the model does, not what it did for the key before.
    async with session(model, reuse=False) as editor:
        screen.line(f"model: {await editor.ready()}")
        for scene in SCENES:
            screen.line()
            screen.heading(f"{scene.file}: {scene.title}")
            shown = await perform(editor, scene, screen)
            screen.note(told(shown))


async def perform(editor: Editor, scene: Scene, screen: Screen) -> Shown:
    """Type the last characters before the cursor; show what the last of them brings."""
    text, at = scene.cut()
    start, typed = at - scene.typed, text[at - scene.typed : at]
    editor.open(SAMPLES / scene.file, text[:start] + text[at:], start)
    try:
        for character in typed:
            await editor.complete()
            editor.type(character)
        screen.begin(editor.text, editor.cursor)
        shown = await editor.complete(screen.grow)
        screen.end(shown.text)
        return shown
    finally:
        editor.close()


def told(shown: Shown) -> str:
    """The line below a completion."""
    if shown.first_ms is None or shown.statistics is None:
        return f"nothing to show, after {shown.total_ms:.0f} ms"
    numbers = shown.statistics
    return (
        f"first text {shown.first_ms:.0f} ms, all {shown.total_ms:.0f} ms, "
        f"{numbers['generated_tokens']} tokens; "
        f"{numbers['cached_tokens']} of {numbers['prompt_tokens']} prompt tokens reused"
    )


if __name__ == "__main__":
    sys.exit(main())
