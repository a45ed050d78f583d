"""Clients that break the protocol, do not read, or are not ours: nobody else notices."""

import struct

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
    encode,
)
from tests.inference.echo_engine import ZERO
from tests.inference.service_bench import Bench, ask, is_cut_off, receive, receive_but_status

OLDER, NEWER = PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 1
BAD_STARTS: dict[str, tuple[bytes, str]] = {
    "no hello": (encode(StatusRequest(1)), "StatusRequest before Hello"),
    "no message": (b"\xc1", "type 0xc1"),
    "too old": (encode(Hello(OLDER, "old")), f"{PROTOCOL_VERSION} of the protocol, the client {OLDER}"),
    "too new": (encode(Hello(NEWER, "new")), f"{PROTOCOL_VERSION} of the protocol, the client {NEWER}"),
    "an answer": (encode(Chunk(1, "")), "Chunk before Hello"),
}
BAD_MESSAGES: dict[str, tuple[bytes, str]] = {
    "a second hello": (encode(Hello(PROTOCOL_VERSION, "again")), "Hello is not for a worker"),
    "an answer": (encode(Chunk(1, "")), "Chunk is not for a worker"),
    "id 0": (encode(ask(0, "word")), "id 0 is not free"),
    "a field too many": (encode(Abort(1)).replace(b"\x82", b"\x83", 1) + b"\xa1x\x01", "unknown field x"),
}


@pytest.mark.asyncio
class TestBadClients:
    @pytest.mark.parametrize(("body", "complaint"), BAD_STARTS.values(), ids=BAD_STARTS.keys())
    async def test_a_bad_start_is_answered_and_closed(
        self, bench: Bench, body: bytes, complaint: str
    ) -> None:
        await bench.start()
        client = await bench.connect()
        client._writer.write(struct.pack(">I", len(body)) + body)
        error = await receive(client)
        assert isinstance(error, Error)
        assert (error.id, error.code) == (0, "protocol")
        assert complaint in error.message
        assert await is_cut_off(client)

    @pytest.mark.parametrize(("body", "complaint"), BAD_MESSAGES.values(), ids=BAD_MESSAGES.keys())
    async def test_a_bad_message_is_answered_and_closed(
        self, bench: Bench, body: bytes, complaint: str
    ) -> None:
        await bench.start()
        client, other = await bench.ready(), await bench.ready()
        client._writer.write(struct.pack(">I", len(body)) + body)
        error = await receive_but_status(client)
        assert isinstance(error, Error)
        assert error.code == "protocol"
        assert complaint in error.message
        assert await is_cut_off(client)
        await other.send(ask(1, "word"))
        assert await receive(other) == Chunk(1, "word")

    async def test_an_id_in_use_is_refused(self, bench: Bench) -> None:
        await bench.start()
        client = await bench.ready()
        bench.engine.pause.clear()
        await client.send(ask(1, "a"))
        await client.send(ask(1, "b"))
        error = await receive(client)
        assert isinstance(error, Error)
        assert "id 1 is not free" in error.message

    @pytest.mark.parametrize(
        "sent", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x00\x00\x01\x00half", b"\x00"]
    )
    async def test_half_and_impossible_frames_harm_nobody_else(self, bench: Bench, sent: bytes) -> None:
        await bench.start()
        client, other = await bench.ready(), await bench.ready()
        client._writer.write(sent)
        client._writer.write_eof()
        assert await is_cut_off(client)
        await other.send(ask(1, "word"))
        assert await receive(other) == Chunk(1, "word")

    async def test_a_client_without_hello_is_cut_off(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker_service, "HELLO_TIMEOUT_S", 0.01)
        await bench.start()
        assert await is_cut_off(await bench.connect())

    async def test_a_client_of_another_user_is_refused(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker_service, "is_same_user", lambda sock: False)
        await bench.start()
        client = await bench.connect()
        assert await receive(client) == Error(0, "protocol", "this worker belongs to another user")
        assert await is_cut_off(client)

    async def test_too_many_clients_are_refused(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(worker_service, "MAX_CLIENTS", 2)
        await bench.start()
        first, _second = await bench.ready(), await bench.ready()
        third = await bench.connect()
        refusal = await receive(third)
        assert isinstance(refusal, Error)
        assert refusal.code == "overloaded"
        await first.send(ask(1, "word"))
        assert await receive_but_status(first) == Chunk(1, "word")

    async def test_a_client_that_does_not_read_is_dropped_and_nobody_else_waits(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(worker_service, "MAX_QUEUED", 64 * 1024)
        await bench.start()
        slow, other = await bench.ready(), await bench.ready()
        slow._reader._transport.pause_reading()  # type: ignore[attr-defined]  # what a stopped client does
        await slow.send(ask(1, ("x" * 10_000 + " ") * 100))
        await other.send(ask(1, "word " * 200))
        for _ in range(200):
            assert await receive(other) == Chunk(1, "word")
        assert await receive(other) == Done(1, "eot", ZERO)
        await other.send(StatusRequest(5))
        status = await receive(other)
        while isinstance(status, Status) and status.clients > 1:
            await other.send(StatusRequest(5))
            status = await receive(other)
        assert isinstance(status, Status)
        assert status.active == 0
