"""A worker that misbehaves on script: python fake_worker.py SCRIPT STARTS --socket=… | --private-fd=…

SCRIPT is words, done in order for each connection. `A | B` is two scripts: the first process that is started
does A, every later one B. The file STARTS gets a line with its process id from each.

    hello           reads Hello                     kill       dies of SIGKILL
    welcome         answers it                      exit       ends with exit code 3
    loading, ready  answers the next StatusRequest  close      closes the connection
    generate        waits for a Generate            hang       does nothing more, reads nothing, says nothing
    abort           waits for an Abort              stop       stops like under SIGSTOP
    chunk, done     answer the Generate             serve      works well from here on
    half            sends half a frame              oversize   declares a frame of 4 GB
    garbage         sends a frame of no message     wrong      sends a Chunk whose text is a number
    unknown         sends a message of no known type
    backwards       sends a Hello, which is not for clients
    future          answers with version 99         refuse     answers that the version is wrong
    no-model        says that the model is broken   trouble    says that something else is
    bind-late       opens the socket after a moment; the first word, if any
    no-bind         never opens it; the only word
"""

import argparse
import os
import signal
import socket
import struct
import sys
import time
from pathlib import Path

import msgpack

from inference.messages import (
    PROTOCOL_VERSION,
    Abort,
    Chunk,
    Done,
    Error,
    Generate,
    Hello,
    Message,
    Statistics,
    Status,
    StatusRequest,
    Welcome,
    decode,
    encode,
)
from inference.rendezvous import sign_lock

MAX_LIFE_S = 300
"""Should a test fail to end it."""

STATISTICS = Statistics(10, 4, 2, 0.1, 1.0, 2.0, 3.0)


class Conversation:
    """One connection. Each word of the script is a method."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.stream = connection.makefile("rb")
        self.asked = 0

    def send(self, body: bytes) -> None:
        self.connection.sendall(struct.pack(">I", len(body)) + body)

    def receive(self, kind: type[Message] | None = None) -> Message:
        """The next message, or the next of a kind. Raises EOFError when the client is gone."""
        while True:
            header = self.stream.read(4)
            if len(header) < 4:
                raise EOFError
            message = decode(self.stream.read(struct.unpack(">I", header)[0]))
            if kind is None or isinstance(message, kind):
                return message

    def hello(self) -> None:
        assert isinstance(self.receive(), Hello)

    def welcome(self, version: int = PROTOCOL_VERSION) -> None:
        self.send(encode(Welcome(version, "fake", "cpu", os.getpid(), 512)))

    def status(self, identity: int, state: str) -> None:
        tokens = 100 * (state == "ready")
        told = (identity, state, "fake", "cpu", os.getpid(), 1.0, 1, 0, 1 << 20)
        self.send(encode(Status(*told, snippet_tokens=tokens)))

    def loading(self) -> None:
        self.status(self.receive(StatusRequest).id, "loading")

    def ready(self) -> None:
        self.status(self.receive(StatusRequest).id, "ready")

    def generate(self) -> None:
        self.asked = self.receive(Generate).id

    def abort(self) -> None:
        assert self.receive(Abort).id == self.asked

    def chunk(self) -> None:
        self.send(encode(Chunk(self.asked, "text")))

    def done(self) -> None:
        self.send(encode(Done(self.asked, "eot", STATISTICS)))

    def half(self) -> None:
        body = encode(Chunk(self.asked, "never whole"))
        self.connection.sendall((struct.pack(">I", len(body)) + body)[:9])

    def oversize(self) -> None:
        self.connection.sendall(b"\xff\xff\xff\xff" + b"x" * 1000)

    def garbage(self) -> None:
        self.send(b"\xc1\xc1\xc1")

    def wrong(self) -> None:
        self.send(msgpack.packb({"type": "Chunk", "id": self.asked, "text": 3}))

    def unknown(self) -> None:
        self.send(msgpack.packb({"type": "Execute", "id": self.asked}))

    def backwards(self) -> None:
        self.send(encode(Hello(PROTOCOL_VERSION, "a worker")))

    def future(self) -> None:
        self.welcome(version=99)

    def refuse(self) -> None:
        self.send(encode(Error(0, "protocol", "this worker speaks version 99 of the protocol")))

    def no_model(self) -> None:
        self.send(encode(Error(0, "model", "config.json: not a Qwen3-MoE")))

    def trouble(self) -> None:
        self.send(encode(Error(0, "internal", "the engine broke")))

    def kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def stop(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def exit(self) -> None:
        os._exit(3)

    def close(self) -> None:
        self.stream.close()
        self.connection.close()

    def hang(self) -> None:
        signal.pause()

    def serve(self) -> None:
        while True:
            message = self.receive()
            match message:
                case StatusRequest():
                    self.status(message.id, "ready")
                case Generate():
                    self.asked = message.id
                    self.send(encode(Chunk(message.id, f"{message.prefix}|")))
                    self.send(encode(Chunk(message.id, message.suffix)))
                    self.done()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("script")
    parser.add_argument("starts", type=Path)
    parser.add_argument("--socket")
    parser.add_argument("--lock-fd", type=int)
    parser.add_argument("--private-fd", type=int)
    options, _rest = parser.parse_known_args()
    signal.alarm(MAX_LIFE_S)
    with options.starts.open("a+") as starts:
        starts.write(f"{os.getpid()}\n")
        starts.seek(0)
        count = len(starts.readlines())
    scripts = [script.split() for script in options.script.split("|")]
    words = scripts[min(count, len(scripts)) - 1]
    if options.private_fd is not None:
        converse(socket.socket(fileno=options.private_fd), words)
        return
    if words == ["no-bind"]:
        signal.pause()
    if words[0] == "bind-late":
        time.sleep(0.3)
        words = words[1:]
    listening = socket.socket(socket.AF_UNIX)
    Path(options.socket).unlink(missing_ok=True)
    listening.bind(options.socket)
    listening.listen(0)
    if options.lock_fd is not None:
        sign_lock(options.lock_fd)
    while True:
        converse(listening.accept()[0], words)


def converse(connection: socket.socket, words: list[str]) -> None:
    conversation = Conversation(connection)
    try:
        for word in words:
            getattr(conversation, word.replace("-", "_"))()
    except (EOFError, ConnectionError):
        conversation.close()


if __name__ == "__main__":
    sys.exit(main())
