"""What a worker does for its clients, with an engine that echoes."""

import asyncio
import os
import socket
from dataclasses import replace

import pytest

from inference import worker_service
from inference.messages import (
    PROTOCOL_VERSION,
    Abort,
    Chunk,
    Done,
    Error,
    Hello,
    Status,
    StatusRequest,
    Welcome,
)
from inference.model import ModelError
from inference.transport import Channel
from tests.inference.echo_engine import ZERO
from tests.inference.service_bench import (
    GIVE_UP_S,
    Bench,
    ask,
    receive,
    receive_but_status,
    until,
)


@pytest.mark.asyncio
class TestGenerate:
    async def test_the_answer_streams_and_ends_once(self, bench: Bench) -> None:
        await bench.start()
        client = await bench.ready()
        await client.send(ask(7, "one two"))
        assert [await receive(client) for _ in range(3)] == [
            Chunk(7, "one"),
            Chunk(7, "two"),
            Done(7, "eot", ZERO),
        ]

    async def test_the_engine_gets_all_that_was_asked(self, bench: Bench) -> None:
        await bench.start()
        client = await bench.ready()
        asked = replace(
            ask(1, "a", "file:///a"), max_tokens=5, stop=("\n",), temperature=0.5, top_p=0.9, seed=3, salt="w"
        )
        await client.send(asked)
        await until(lambda: bool(bench.engine.requests))
        request = bench.engine.requests[0]
        assert request.prompt.path == "a.py"
        assert (request.max_tokens, request.stop, request.salt) == (5, ("\n",), "w")
        assert (request.temperature, request.top_p, request.seed) == (0.5, 0.9, 3)

    async def test_clients_share_the_engine_and_not_their_ids(self, bench: Bench) -> None:
        await bench.start()
        clients = [await bench.ready() for _ in range(3)]
        for number, client in enumerate(clients):
            await client.send(ask(1, f"c{number}", "file:///same"))
        for number, client in enumerate(clients):
            assert await receive_but_status(client) == Chunk(1, f"c{number}")
            assert await receive_but_status(client) == Done(1, "eot", ZERO)
        assert len({request.document for request in bench.engine.requests}) == 3

    async def test_errors_of_one_request_leave_the_others_alone(self, bench: Bench) -> None:
        await bench.start()
        client = await bench.ready()
        bench.engine.pause.clear()
        for number, prefix in enumerate(["refuse", "fail", "fine"], 1):
            await client.send(ask(number, prefix))
        bench.engine.pause.set()
        received = [await receive(client) for _ in range(4)]
        assert Error(1, "invalid", "the prompt is refused") in received
        assert Error(2, "internal", "failed on demand") in received
        assert [message for message in received if message.id == 3] == [
            Chunk(3, "fine"),
            Done(3, "eot", ZERO),
        ]

    async def test_an_abort_comes_before_the_next_step(self, bench: Bench) -> None:
        await bench.start()
        client = await bench.ready()
        bench.engine.pause.clear()
        await client.send(ask(1, "word " * 100_000))
        await client.send(Abort(1))
        await client.send(StatusRequest(9))
        assert isinstance(await receive(client), Status)  # so the Abort is with the engine, whose step waits
        bench.engine.pause.set()
        ends = await receive(client)
        while isinstance(ends, Chunk):
            ends = await receive(client)
        assert ends == Done(1, "aborted", ZERO)
        assert bench.engine.steps <= 2

    async def test_an_abort_of_what_has_ended_is_no_error(self, bench: Bench) -> None:
        await bench.start()
        client = await bench.ready()
        await client.send(Abort(5))
        await client.send(ask(1, ""))
        assert await receive(client) == Done(1, "eot", ZERO)
        await client.send(Abort(1))
        await client.send(ask(1, ""))
        assert await receive(client) == Done(1, "eot", ZERO)

    async def test_a_newer_request_of_a_document_supersedes(self, bench: Bench) -> None:
        await bench.start()
        client = await bench.ready()
        bench.engine.pause.clear()
        for number in (1, 2, 3):
            await client.send(ask(number, "word", "file:///a"))
        await client.send(ask(4, "other", "file:///b"))
        await client.send(StatusRequest(9))
        while not isinstance(await receive(client), Status):
            pass
        bench.engine.pause.set()
        ends: dict[int, str] = {}
        while len(ends) < 4:
            if isinstance(message := await receive(client), Done):
                ends[message.id] = message.stop_reason
        assert ends == {1: "superseded", 2: "superseded", 3: "eot", 4: "eot"}

    async def test_too_many_at_a_time_are_refused_not_queued(self, bench: Bench) -> None:
        await bench.start()
        client = await bench.ready()
        bench.engine.pause.clear()
        for number in range(1, worker_service.MAX_ACTIVE + 2):
            await client.send(ask(number, "word"))
        refusal = await receive(client)
        assert isinstance(refusal, Error)
        assert (refusal.id, refusal.code) == (worker_service.MAX_ACTIVE + 1, "overloaded")

    async def test_what_a_lost_client_asked_for_is_aborted(self, bench: Bench) -> None:
        await bench.start()
        client, other = await bench.ready(), await bench.ready()
        bench.engine.pause.clear()
        await client.send(ask(1, "word " * 100_000))
        await until(lambda: bool(bench.engine.requests))
        client.abort()
        await other.send(StatusRequest(1))
        status = await receive(other)
        while isinstance(status, Status) and status.clients > 1:
            await other.send(StatusRequest(1))
            status = await receive(other)
        assert isinstance(status, Status)
        assert status.active == 0
        bench.engine.pause.set()
        await until(lambda: not bench.engine.has_work)
        assert bench.engine.steps < 10


@pytest.mark.asyncio
class TestLoading:
    async def test_status_is_answered_and_requests_wait(self, bench: Bench) -> None:
        bench.may_load.clear()
        await bench.start()
        client = await bench.connect()
        await client.send(Hello(PROTOCOL_VERSION, "test"))
        assert await receive(client) == Welcome(PROTOCOL_VERSION, "echo?", "", os.getpid(), 0)
        await client.send(ask(1, "word"))
        await client.send(StatusRequest(2))
        status = await receive(client)
        assert isinstance(status, Status)
        assert (status.state, status.active, status.clients) == ("loading", 1, 1)
        assert status.snippet_tokens == 0
        assert status.memory_bytes > 1 << 20
        bench.may_load.set()
        ready = await receive(client)
        assert isinstance(ready, Status)
        assert (ready.id, ready.state, ready.model, ready.device) == (0, "ready", "echo", "cpu")
        assert ready.snippet_tokens == bench.engine.snippet_tokens > 0
        assert await receive(client) == Chunk(1, "word")
        done = await receive(client)
        assert isinstance(done, Done)
        assert done.statistics.queue_ms > 0  # the wait for the model is part of what the user waited
        assert done.statistics.total_ms >= done.statistics.queue_ms

    async def test_superseded_and_aborted_requests_end_before_the_model_is_there(self, bench: Bench) -> None:
        bench.may_load.clear()
        await bench.start()
        client = await bench.greeted()
        for number in range(1, 200):
            await client.send(ask(number, "word", "file:///a"))
        await client.send(Abort(199))
        ends = [await receive(client) for _ in range(199)]
        assert [end.id for end in ends] == list(range(1, 200))
        assert [end.stop_reason for end in ends if isinstance(end, Done)] == ["superseded"] * 198 + [
            "aborted"
        ]
        bench.may_load.set()
        await bench.ready()
        assert bench.engine.requests == []

    async def test_a_model_that_cannot_be_loaded_is_told_to_all(self, bench: Bench) -> None:
        bench.may_load.clear()
        bench.load_error = ModelError("config.json: no such file")
        await bench.start()
        clients = [await bench.greeted() for _ in range(3)]
        bench.may_load.set()
        for client in clients:
            assert await receive(client) == Error(0, "model", "config.json: no such file")
        assert await bench.code() == 2

    async def test_who_comes_after_the_failure_hears_of_it_too(self, bench: Bench) -> None:
        bench.load_error = ModelError("config.json: no such file")
        service = await bench.start()
        await until(lambda: service._failure is not None)
        client = await bench.connect()
        await client.send(Hello(PROTOCOL_VERSION, "test"))
        assert await receive(client) == Error(0, "model", "config.json: no such file")
        assert await bench.code() == 2

    async def test_nobody_comes_after_the_failure(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker_service, "LINGER_S", 0.01)
        bench.load_error = ModelError("config.json: no such file")
        await bench.start()
        assert await bench.code() == 2

    async def test_any_other_error_of_loading_is_told(self, bench: Bench) -> None:
        bench.may_load.clear()
        bench.load_error = MemoryError("no room")
        await bench.start()
        client = await bench.greeted()
        bench.may_load.set()
        assert await receive(client) == Error(0, "internal", "the engine broke: MemoryError: no room")
        assert await bench.code() == 1

    async def test_an_engine_that_breaks_ends_the_worker_and_says_so(self, bench: Bench) -> None:
        await bench.start()
        client = await bench.ready()
        bench.engine.broken = True
        await client.send(ask(1, "word"))
        assert await receive(client) == Error(0, "internal", "the engine broke: RuntimeError: out of order")
        assert await bench.code() == 1

    async def test_status_tells_what_is_wrong_with_the_log(self, bench: Bench) -> None:
        await bench.start()
        bench.problem = "no log at /x: read-only file system"
        client = await bench.greeted()
        await client.send(StatusRequest(1))
        status = await receive(client)
        assert isinstance(status, Status)
        assert status.detail == bench.problem


@pytest.mark.asyncio
class TestLifetime:
    async def test_it_ends_when_idle(self, bench: Bench) -> None:
        await bench.start(idle_timeout_s=0.05)
        assert await bench.code() == 0

    async def test_it_does_not_end_while_a_client_is_there(self, bench: Bench) -> None:
        service = await bench.start(idle_timeout_s=0.05)
        client = await bench.ready()
        assert service._idle is None
        await client.close()
        assert await bench.code() == 0

    async def test_a_connection_that_never_says_hello_does_not_keep_it(self, bench: Bench) -> None:
        await bench.start(idle_timeout_s=0.05)
        await bench.connect()
        assert await bench.code() == 0

    async def test_what_ends_after_the_service_is_told_to_nobody(self, bench: Bench) -> None:
        """The engine thread may finish its load or its step when the event loop is closed."""
        bench.may_load.clear()
        service = await bench.start()
        await bench.greeted()
        service.end(0)
        assert await bench.code() == 0
        told: list[object] = []
        service.loaded = told.append  # type: ignore[method-assign]
        service.failed = told.append  # type: ignore[method-assign]
        service.happened = told.append  # type: ignore[method-assign]
        bench.may_load.set()
        assert service.engine_thread.join(GIVE_UP_S)
        assert told == []

    async def test_a_private_worker_ends_with_its_client(self, bench: Bench) -> None:
        ours, theirs = socket.socketpair()
        service = bench.service()
        ended = asyncio.ensure_future(service.serve_one(theirs))
        client = await Channel.adopt(ours)
        await client.send(Hello(PROTOCOL_VERSION, "test"))
        assert isinstance(await receive(client), Welcome)
        await client.send(ask(1, "word"))
        assert await receive_but_status(client) == Chunk(1, "word")
        await client.close()
        async with asyncio.timeout(GIVE_UP_S):
            assert await ended == 0
        assert service.engine_thread.join(GIVE_UP_S)
