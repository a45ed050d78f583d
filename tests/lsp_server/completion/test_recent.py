"""Random typing, cancels and news from the worker, against a model of what each request is answered."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_server.completion.answer import Completion, answer
from lsp_server.completion.means import Means
from lsp_server.completion.moment import Moment
from lsp_server.completion.origin import Origin
from lsp_server.completion.recent import NUM_STREAMS, Recent
from lsp_server.completion.request import request
from lsp_server.completion.stream import NUM_AHEAD
from lsp_server.document import Change, Document
from lsp_server.position import Position
from lsp_server.settings import Settings
from lsp_server.turns import Turns
from tests.lsp_server.fake_link import FakeGeneration, FakeLink

URI = "file:///project/a.py"
BEFORE = "x = f"  # what is typed goes on with a name: the statement never ends by itself
PIECES = ("a", "b", "ab")


@dataclass
class Told:
    """A generation as the model of the test knows it."""

    typed: str  # behind BEFORE, when it was asked for
    text: str = ""
    state: str = "running"

    def rest(self, typed: str) -> str | None:
        whole = self.typed + self.text
        fits = typed.startswith(self.typed) and whole.startswith(typed)
        return whole[len(typed) :] if fits else None


@dataclass
class Expected:
    """What the server has to do, in the simplest words. `waiting` are requests without their one answer."""

    typed: str = ""
    told: list[Told] = field(default_factory=list)
    waiting: int | None = None  # the number of the newest request, while it is not answered
    answers: dict[int, str | None] = field(default_factory=dict)

    @property
    def running(self) -> Told | None:
        return next((told for told in self.told if told.state == "running"), None)

    def change(self, typed: str) -> None:
        self.typed = typed
        if self.waiting is not None:
            self.answers[self.waiting] = None
            self.waiting = None
        running = self.running
        if running is not None and running.rest(typed) is None:
            running.state = "stopped"

    def request(self, number: int) -> None:
        if self.waiting is not None:
            self.answers[self.waiting] = None
        for told in reversed(self.told):
            rest = told.rest(self.typed)
            if rest is not None and told.state == "running":
                self.waiting = number
                return
            if rest is not None and told.state == "whole":
                self.answers[number], self.waiting = rest, None
                return
        if self.running is not None:
            self.running.state = "stopped"
        self.told.append(Told(self.typed))
        self.waiting = number

    def cancel(self, number: int) -> None:
        if number == self.waiting:
            self.answers[number] = "cancelled"
            self.waiting = None
            assert self.running is not None
            self.running.state = "stopped"

    def end(self, state: str) -> None:
        running = self.running
        assert running is not None
        running.state = state
        if self.waiting is not None:
            self.answers[self.waiting] = running.rest(self.typed) if state == "whole" else None
            self.waiting = None


class Typing:
    """The server's part of an editor that types, without the protocol."""

    def __init__(self) -> None:
        self.document = Document(URI, "ruby", 1, BEFORE + "\n")
        self.turns, self.recent = Turns(), Recent()
        self.link = FakeLink(Settings(), lambda status: None)
        self.generations: list[FakeGeneration] = []
        self.link.script = self.generations.append
        self.tasks: list[asyncio.Task[Completion | None]] = []
        self.num_replies = 0

    def change(self, typed: str) -> None:
        self.turns.end(URI)
        end = Position(0, self.document.snapshot.line_end(0))
        change = Change(BEFORE + typed, Position(0, 0), end)
        self.document.apply([change], self.document.snapshot.version + 1)
        self.recent.changed(URI, self.document.snapshot)

    def request(self) -> None:
        snapshot = self.document.snapshot
        offset = snapshot.line_end(0)
        turn = self.turns.take(URI)
        means = Means(Settings(without=("deadline", "delay")), self.link, "", self.recent)
        work = answer(Moment(snapshot, offset), turn, means)
        self.tasks.append(asyncio.get_running_loop().create_task(work))
        self.tasks[-1].add_done_callback(self._replied)

    def _replied(self, task: object) -> None:
        self.num_replies += 1

    async def settle(self) -> None:
        """Until nothing is left to do: no step of the server waits for anything but the worker."""
        for _ in range(12):
            await asyncio.sleep(0)

    def answers(self) -> dict[int, str | None]:
        done = {number: task for number, task in enumerate(self.tasks) if task.done()}
        return {
            number: "cancelled" if task.cancelled() else (found.text if (found := task.result()) else None)
            for number, task in done.items()
        }


TYPED = ["type what comes", "type a", "type b", "erase", "type and do not ask"]
STEPS = st.lists(
    st.sampled_from([*TYPED, "ask", "cancel", "cancel any", "chunk", "chunk", "done", "error"]), max_size=40
)


@given(STEPS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_each_request_gets_one_answer_and_the_model_is_asked_for_what_is_not_there(
    steps: list[str], random
) -> None:
    async def run() -> None:
        typing, expected = Typing(), Expected()

        def typed(text: str) -> None:
            typing.change(text)
            expected.change(text)
            ask()

        def ask() -> None:
            expected.request(len(typing.tasks))
            typing.request()

        for step in steps:
            running = expected.running
            number = expected.told.index(running) if running else -1
            match step:
                case "type what comes":
                    rest = running.rest(expected.typed) if running else ""
                    typed(expected.typed + ((rest or "a")[0]))
                case "type and do not ask":
                    text = expected.typed + random.choice("ab")
                    typing.change(text)
                    expected.change(text)
                case "type a" | "type b":
                    typed(expected.typed + step[-1])
                case "erase":
                    typed(expected.typed[:-1])
                case "ask":
                    ask()
                case "cancel" | "cancel any" if typing.tasks:
                    which = len(typing.tasks) - 1 if step == "cancel" else random.randrange(len(typing.tasks))
                    typing.tasks[which].cancel()
                    expected.cancel(which)
                case "chunk" if running:
                    piece = random.choice(PIECES)
                    typing.generations[number].say(piece)
                    running.text += piece
                case "done" if running:
                    typing.generations[number].end()
                    expected.end("whole")
                case "error" if running:
                    typing.generations[number].fail("gone")
                    expected.end("failed")
            await typing.settle()
            assert len(typing.generations) == len(expected.told)
            for generation, told in zip(typing.generations, expected.told, strict=True):
                assert generation.cancelled.is_set() is (told.state == "stopped"), step
            answers = {number: text or None for number, text in expected.answers.items()}
            assert typing.answers() == answers, step
            assert typing.num_replies == len(answers)
        typing.turns.end(URI)
        typing.recent.clear()
        await typing.settle()
        assert typing.num_replies == len(typing.tasks)
        assert all(told.state != "running" for told in expected.told) or typing.generations[-1].done

    asyncio.run(run())


def test_memory_is_bounded_and_what_is_dropped_is_stopped() -> None:
    async def run() -> None:
        recent, generations = Recent(), []
        snapshot = Document(URI, "ruby", 1, "x = ").snapshot
        link = FakeLink(Settings(), lambda status: None)
        link.script = generations.append
        for number in range(NUM_STREAMS + 2):
            stream = recent.open(Origin.of(snapshot, 4), lambda: link.generate(request(snapshot, 4, 64, "")))
            if number == 0:
                stream.read(0, "model")
        assert len(recent._streams) == NUM_STREAMS
        assert generations[0].cancelled.is_set()
        assert all(generation.cancelled.is_set() for generation in generations[1:-1])
        assert not generations[-1].cancelled.is_set()
        recent.clear()
        assert generations[-1].cancelled.is_set()

    asyncio.run(run())


def test_without_a_reader_a_stream_runs_a_few_lines_ahead() -> None:
    async def run() -> None:
        recent = Recent()
        snapshot = Document(URI, "ruby", 1, "x = ").snapshot
        link = FakeLink(Settings(), lambda status: None)
        stream = recent.open(Origin.of(snapshot, 4), lambda: link.generate(request(snapshot, 4, 64, "")))
        generation = await link.next_generation()
        reader = stream.read(0, "model")
        generation.say("a\nb\nc\nd\n")
        assert await anext(reader) == "a\nb\nc\nd\n"
        reader.leave()
        for number in range(NUM_AHEAD):
            generation.say("\n \n", f"e{number}")
            await asyncio.sleep(0)
            assert not generation.cancelled.is_set()
            generation.say("\n")
        await asyncio.wait_for(generation.cancelled.wait(), 10)

    asyncio.run(run())
