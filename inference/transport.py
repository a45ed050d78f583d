"""Frames over a unix socket: a 4-byte big-endian length, then the body of one message (messages.py).

Torch-free, and the only part of `inference`, with messages.py, that a language server imports.
"""

import asyncio
import contextlib
import os
import socket
import struct

from inference.messages import MAX_FRAME, Message, ProtocolError, decode, encode
from inference.rendezvous import (
    PRECISIONS,
    UnsafeDirectoryError,
    lock_path,
    lock_signature,
    socket_path,
    try_lock,
)

_HEADER = struct.Struct(">I")
_PEER_CREDENTIALS = struct.Struct("iII")  # struct ucred: pid, uid, gid

MAX_QUEUED = 2 * MAX_FRAME
"""Bytes that may wait for a peer that does not read. More, and the peer counts as gone."""


class ChannelClosed(Exception):  # noqa: N818 - an end, not always an error
    """The peer is gone: end of file, a reset, or a frame cut short."""


class SlowPeerError(ChannelClosed):
    """The peer left more than the allowed bytes unread; the channel has been cut."""


class Channel:
    """One connection. Not thread-safe: it belongs to the event loop it was opened in.

    After ProtocolError or ChannelClosed nothing more can be received; the owner closes it.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, max_queued: int = MAX_QUEUED
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._max_queued = max_queued

    @classmethod
    async def adopt(cls, sock: socket.socket, *, max_queued: int = MAX_QUEUED) -> "Channel":
        """The channel of a connected socket, which it closes in the end."""
        reader, writer = await asyncio.open_unix_connection(sock=sock)
        return cls(reader, writer, max_queued=max_queued)

    async def receive(self) -> Message:
        """The next message. A declared length is checked before a byte of the body is waited for, and the
        body is allocated as it arrives. Raises ProtocolError, ChannelClosed."""
        try:
            (length,) = _HEADER.unpack(await self._reader.readexactly(_HEADER.size))
            if not 0 < length <= MAX_FRAME:
                raise ProtocolError(f"a frame of {length} bytes, the limit is {MAX_FRAME}")
            return decode(await self._reader.readexactly(length))
        except asyncio.IncompleteReadError as error:
            raise ChannelClosed("the connection ended") from error
        except OSError as error:
            raise ChannelClosed(f"the connection broke: {error.strerror}") from error

    def post(self, message: Message) -> None:
        """Queues a message without waiting. Raises ProtocolError (nothing is sent), ChannelClosed,
        SlowPeerError (the connection is cut)."""
        body = encode(message)
        if self._writer.is_closing():
            raise ChannelClosed("the connection is closed")
        if self._writer.transport.get_write_buffer_size() + len(body) > self._max_queued:
            self.abort()
            raise SlowPeerError(f"the other side left {self._max_queued} bytes unread")
        self._writer.write(_HEADER.pack(len(body)) + body)

    async def send(self, message: Message) -> None:
        """Like `post`, then waits until the peer has read enough: back-pressure for whoever can wait."""
        self.post(message)
        try:
            await self._writer.drain()
        except OSError as error:
            raise ChannelClosed(f"the connection broke: {error.strerror}") from error

    def peer(self) -> socket.socket:
        """The socket, to ask who is at its other end."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        return sock

    def abort(self) -> None:
        """Cuts the connection; what is queued is lost."""
        self._writer.transport.abort()

    async def close(self, *, flush_s: float = 1.0) -> None:
        """Sends what is queued, if the peer reads it within `flush_s` seconds, and closes."""
        self._writer.close()
        flushed = asyncio.ensure_future(self._writer.wait_closed())
        try:
            await asyncio.wait([flushed], timeout=flush_s)
        finally:
            self.abort()  # nothing, if all was flushed
        with contextlib.suppress(OSError):
            await flushed


def peer_credentials(sock: socket.socket) -> tuple[int, int]:
    """(pid, uid) of the process that opened the other end, told by the kernel. Raises OSError where the
    system does not tell; a private worker, over a socketpair, needs no such proof."""
    if not hasattr(socket, "SO_PEERCRED"):
        raise OSError("this system does not say who is at the other end of a socket; use a private worker")
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    pid, uid, _gid = _PEER_CREDENTIALS.unpack(raw)
    return pid, uid


def peer_uid(sock: socket.socket) -> int:
    """The user id at the other end. Raises OSError where the system does not tell."""
    return peer_credentials(sock)[1]


def is_same_user(sock: socket.socket) -> bool:
    """Whether the other end belongs to this process's user."""
    return peer_uid(sock) == os.geteuid()


__all__ = [
    "MAX_QUEUED",
    "PRECISIONS",
    "Channel",
    "ChannelClosed",
    "SlowPeerError",
    "UnsafeDirectoryError",
    "is_same_user",
    "lock_path",
    "lock_signature",
    "peer_credentials",
    "peer_uid",
    "socket_path",
    "try_lock",
]
