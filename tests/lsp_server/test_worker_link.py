"""WorkerLink with a worker that is there, and then is not."""

import asyncio
import os
import signal

import pytest

from inference.messages import Chunk, Error
from lsp_server.generation import Generation
from lsp_server.worker_link import LinkStatus, Patience
from tests.lsp_server.link_bench import GIVE_UP_S, UP, Bench, ask, is_alive, read

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("private", [False, True])
async def test_text_streams_from_a_worker_that_is_started_on_demand(bench: Bench, private: bool) -> None:
    link = await bench.up("hello welcome serve", private=private)
    assert link.snippet_tokens == 100
    generation = link.generate(ask())
    assert link.current.state == "busy"
    assert await read(generation) == "x = |\n"
    assert generation.error is None
    assert generation.done is not None
    assert generation.done.stop_reason == "eot"
    assert link.current == LinkStatus("ready", "", "fake", "cpu")
    assert bench.states == ["starting", "starting", "ready", "busy", "ready"]
    status = await link.status()
    assert status is not None
    assert status.pid == bench.pids[0]


async def test_many_generations_share_the_connection(bench: Bench) -> None:
    link = await bench.up("hello welcome serve")
    generations = [link.generate(ask(f"file:///{n}", prefix=f"{n}", suffix="")) for n in range(20)]
    assert await asyncio.gather(*map(read, generations)) == [f"{n}|" for n in range(20)]


async def test_before_the_start_a_generation_ends_at_once_with_an_error(bench: Bench) -> None:
    generation = bench.link("hello welcome serve").generate(ask())
    assert await read(generation) == ""
    assert generation.error is not None
    assert "not started" in generation.error.message
    assert bench.pids == []


async def test_start_returns_before_the_worker_is_there(bench: Bench) -> None:
    link = bench.link("no-bind")
    await link.start()
    await link.start()
    assert bench.states == ["starting"]
    assert await read(link.generate(ask())) == ""
    await bench.until(lambda: len(bench.pids) == 1)


async def test_a_request_waits_while_the_model_loads(bench: Bench) -> None:
    link = bench.link("hello welcome loading generate ready chunk done serve")
    await link.start()
    await bench.until(lambda: link.current.message == "loading the model")
    assert link.snippet_tokens == 0
    generation = link.generate(ask())
    assert link.current.state == "starting"
    answer = asyncio.ensure_future(read(generation))
    await link.status()
    assert await answer == "text"
    assert generation.done is not None


DEATHS = {
    "killed before the first text": ("generate kill", ""),
    "killed in the middle of an answer": ("generate chunk kill", "text"),
    "closed in the middle of an answer": ("generate chunk close", "text"),
    "exit in the middle of an answer": ("generate chunk exit", "text"),
    "killed in the middle of a frame": ("generate chunk half kill", "text"),
    "a frame that is too long": ("generate chunk oversize hang", "text"),
    "a frame that is no message": ("generate chunk garbage hang", "text"),
    "a field of the wrong type": ("generate chunk wrong hang", "text"),
    "a message of no known type": ("generate chunk unknown hang", "text"),
    "a message that is not for clients": ("generate chunk backwards hang", "text"),
    "an engine that breaks": ("generate chunk trouble exit", "text"),
}


@pytest.mark.parametrize(("script", "text"), DEATHS.values(), ids=DEATHS.keys())
async def test_a_generation_ends_with_the_worker_and_the_next_one_works(
    bench: Bench, script: str, text: str
) -> None:
    link = await bench.up(f"{UP} {script} | hello welcome serve")
    generation = link.generate(ask())
    assert await read(generation) == text
    assert generation.done is None
    assert generation.error is not None
    assert generation.error.code == "internal"
    await bench.kill(bench.pids[0])  # if it lives on: a shared worker that hangs is not the link's to end
    await bench.until(lambda: link.current.state == "ready")
    assert await read(link.generate(ask())) == "x = |\n"
    assert "error" not in bench.states
    assert len(bench.pids) == 2


async def test_a_private_worker_that_misbehaves_is_ended_and_started_again(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate garbage hang | hello welcome serve", private=True)
    assert await read(link.generate(ask())) == ""
    await bench.until(lambda: link.current.state == "ready")
    assert not is_alive(bench.pids[0])
    assert await read(link.generate(ask())) == "x = |\n"


async def test_all_generations_under_way_end_with_the_worker(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate hang | hello welcome serve")
    generations = [link.generate(ask(f"file:///{n}")) for n in range(5)]
    os.kill(bench.pids[0], signal.SIGKILL)
    assert await asyncio.gather(*map(read, generations)) == [""] * 5
    assert all(generation.error for generation in generations)
    await bench.until(lambda: link.current.state == "ready")


async def test_an_answer_that_is_complete_survives_the_death_after_it(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate chunk done kill | hello welcome serve")
    generation = link.generate(ask())
    await bench.until(lambda: link.current.state == "starting")
    assert await read(generation) == "text"
    assert generation.done is not None
    assert generation.error is None


async def test_a_worker_that_dies_on_every_request_is_given_up(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate kill")
    async with asyncio.timeout(GIVE_UP_S):
        while link.current.state != "error":
            await read(link.generate(ask()))
            await asyncio.sleep(0.005)
    assert 1 < len(bench.pids) <= 5
    assert "failed too often" in link.current.message


async def test_after_giving_up_start_tries_again(bench: Bench) -> None:
    # A private one, for a shared worker's socket may take a connection more while its process ends.
    link = bench.link("hello exit | hello exit | hello welcome serve", private=True, max_failures=2)
    await link.start()
    assert (await link.settled()).state == "error"
    await link.start()
    assert (await link.settled()).state == "ready"
    assert await read(link.generate(ask())) == "x = |\n"


async def test_a_mistake_of_ours_is_told_and_ends_what_waits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await bench.up(f"{UP} generate chunk hang")
    monkeypatch.setattr(link, "_accept", lambda message: 1 / 0)
    generation = link.generate(ask())
    assert await read(generation) == ""
    assert generation.error is not None
    await bench.until(lambda: link.current.state == "error")
    assert "ZeroDivisionError" in link.current.message


@pytest.mark.parametrize("word", ["hang", "stop"])
async def test_a_worker_that_stops_in_the_middle_does_not_keep_the_editor_waiting(
    bench: Bench, word: str
) -> None:
    patience = Patience(welcome_s=0.1, silence_s=0.02, status_s=0.1)
    link = await bench.up(
        f"{UP} generate chunk {word} | hello welcome serve", patience=patience, max_failures=99
    )
    generation = link.generate(ask())
    assert await read(generation) == "text"
    assert generation.error is not None
    assert f"process {bench.pids[0]}" in generation.error.message
    os.kill(bench.pids[0], signal.SIGKILL)
    await bench.until(lambda: link.current.state == "ready")
    assert await read(link.generate(ask())) == "x = |\n"


async def test_a_slow_answer_is_no_silence(bench: Bench) -> None:
    """A worker that still answers Status is alive, however long a step takes."""
    patience = Patience(silence_s=0.01, status_s=GIVE_UP_S)
    link = await bench.up(f"{UP} generate ready ready ready chunk done serve", patience=patience)
    assert await read(link.generate(ask())) == "text"
    assert "error" not in bench.states


async def test_cancel_reaches_the_worker_and_ends_the_iteration(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate chunk abort done serve")
    generation = link.generate(ask())
    assert await anext(generation) == "text"
    generation.cancel()
    generation.cancel()
    assert await read(generation) == ""
    assert generation.error is None
    assert link.current.state == "ready"
    assert await generation.outcome() == generation.done
    assert await read(link.generate(ask())) == "x = |\n"  # only after the Abort does the fake worker serve


async def test_what_the_worker_says_after_a_cancel_was_not_waited_for() -> None:
    generation = Generation(1, lambda _id: None)
    generation.accept(Chunk(1, "x"))
    waited_ms = generation.waited_ms
    generation.cancel()
    generation.accept(Chunk(1, "y"))
    generation.accept(Error(1, "internal", "late"))
    assert generation.waited_ms == waited_ms > 0


async def test_a_cancelled_generation_has_an_outcome_though_the_worker_dies(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate abort kill")
    generation = link.generate(ask())
    generation.cancel()
    async with asyncio.timeout(GIVE_UP_S):
        assert await generation.outcome() == generation.error


@pytest.mark.parametrize("word", ["hang", "stop"])
async def test_a_worker_that_stops_after_a_cancel_is_noticed(bench: Bench, word: str) -> None:
    patience = Patience(welcome_s=0.1, silence_s=0.02, status_s=0.1, last_word_s=2 * GIVE_UP_S)
    link = await bench.up(f"{UP} generate chunk abort {word}", patience=patience, max_failures=99)
    generation = link.generate(ask())
    assert await anext(generation) == "text"
    generation.cancel()
    async with asyncio.timeout(GIVE_UP_S):
        outcome = await generation.outcome()
    assert isinstance(outcome, Error)
    assert f"process {bench.pids[0]}" in outcome.message


async def test_a_worker_that_never_says_how_a_cancelled_request_ended(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate abort serve", patience=Patience(last_word_s=0.02))
    generation = link.generate(ask())
    generation.cancel()
    async with asyncio.timeout(GIVE_UP_S):
        outcome = await generation.outcome()
    assert isinstance(outcome, Error)
    assert "does not say how" in outcome.message
    assert await read(link.generate(ask())) == "x = |\n"


async def test_cancel_wakes_a_reader_that_waits(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate abort serve")
    generation = link.generate(ask())
    reader = asyncio.ensure_future(read(generation))
    await asyncio.sleep(0)
    generation.cancel()
    assert await reader == ""


async def test_cancel_after_the_end_sends_nothing(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate chunk done generate chunk done serve")
    first = link.generate(ask())
    assert await read(first) == "text"
    first.cancel()
    assert first.done is not None
    assert await read(link.generate(ask())) == "text"


async def test_half_a_surrogate_pair_does_not_lose_the_request(bench: Bench) -> None:
    link = await bench.up("hello welcome serve")
    assert await read(link.generate(ask(prefix="a\ud83d", suffix="😀\ude00"))) == "a\ufffd|😀\ufffd"


async def test_a_request_over_the_limits_fails_alone(bench: Bench) -> None:
    link = await bench.up("hello welcome serve")
    generation = link.generate(ask(prefix="x" * (1 << 20) + "x"))
    assert await read(generation) == ""
    assert generation.error is not None
    assert generation.error.code == "invalid"
    assert "prefix" in generation.error.message
    assert await read(link.generate(ask())) == "x = |\n"


async def test_a_worker_that_reads_nothing_does_not_fill_our_memory(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate hang")
    generations = [link.generate(ask(f"file:///{n}", prefix="x" * (1 << 20))) for n in range(30)]
    await bench.until(lambda: all(generation.error for generation in generations[10:]))
    assert {generation.error.code for generation in generations if generation.error} <= {
        "overloaded",
        "internal",
    }


async def test_close_ends_a_private_worker_and_what_waits_for_it(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate hang", private=True)
    generation = link.generate(ask())
    reader = asyncio.ensure_future(read(generation))
    closing = asyncio.ensure_future(link.close())
    assert await reader == ""
    assert generation.error is not None
    assert is_alive(bench.pids[0])
    await closing
    assert not is_alive(bench.pids[0])
    assert not (bench.directory / "midfill").exists()


async def test_close_before_anything_is_up(bench: Bench) -> None:
    link = bench.link("no-bind")
    await link.start()
    await bench.until(lambda: len(bench.pids) == 1)
    await link.close()
    await link.close()
    unstarted = bench.link("no-bind")
    await unstarted.close()
