"""The body of a request: framed by its length or in chunks, plain or compressed.

Everything is read against a deadline for the whole request, so that a sender that gives
a byte now and then ends like one that gives none.
"""

import io
import re
import socket
import zlib
from collections.abc import Callable
from typing import Protocol

from toolkit.capture.receiver.limits import Headers, Limits, RefusedError

__all__ = ["DeadlineReader", "expand", "has_more_values", "read_body"]

MAX_CHUNK_HEAD = 256
MAX_TRAILERS = 64
ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS
"""Asks zlib to tell the two formats apart by their first bytes."""

CODINGS = {"gzip", "x-gzip", "deflate"}
STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""A text of JSON, closed or not: so a search is over after one pass."""


class Reader(Protocol):
    """What a body is read from."""

    def read(self, size: int) -> bytes:
        """Read so many bytes, fewer at the end only."""
        ...

    def readline(self, limit: int) -> bytes:
        """Read a line of at most so many bytes."""
        ...


class DeadlineReader(io.RawIOBase):
    """Reads a socket until a deadline that begins with each request.

    Parameters
    ----------
    connection : socket
    now : callable
        Seconds of a clock that only goes forward.
    """

    def __init__(self, connection: socket.socket, now: Callable[[], float]) -> None:
        super().__init__()
        self._connection = connection
        self._now = now
        self._silence_s = 0.0
        self._until_s: float | None = None

    def wait(self, idle_s: float) -> None:
        """Let the sender be silent for so long, before a request has begun."""
        self._silence_s, self._until_s = idle_s, None

    def begin(self, silence_s: float, request_s: float) -> None:
        """Start the time of a request, of which a first byte is there."""
        self._silence_s, self._until_s = silence_s, self._now() + request_s

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # what BufferedReader gives
        """Read what is there.

        Raises
        ------
        TimeoutError
            Nothing came in time.
        """
        left_s = self._silence_s
        if self._until_s is not None:
            left_s = min(left_s, self._until_s - self._now())
        if left_s <= 0:
            raise TimeoutError("the request took too long")
        self._connection.settimeout(left_s)
        return self._connection.recv_into(buffer)


def read_body(stream: Reader, headers: Headers, limits: Limits) -> bytes:
    """Read a request's body as it was sent.

    Parameters
    ----------
    stream : Reader
    headers : Headers
    limits : Limits

    Raises
    ------
    RefusedError
        400 for a framing that is not right, 411 without one, 413 where it is too large.
    """
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is not None:
        if length is not None:
            raise RefusedError(400, "both Content-Length and Transfer-Encoding")
        if coding.strip().lower() != "chunked":
            raise RefusedError(501, "of transfer codings, only chunked is known")
        return _chunked(stream, limits.body_bytes)
    if length is None or not (length.isascii() and length.isdigit()):
        raise RefusedError(411, "give the body's length, or send it chunked")
    if len(length) > 15 or int(length) > limits.body_bytes:
        raise _too_large(limits.body_bytes)
    body = stream.read(int(length))
    if len(body) < int(length):
        raise RefusedError(400, "the body ended early")
    return body


def _chunked(stream: Reader, most: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    while size := _chunk_size(stream):
        total += size
        if total > most:
            raise _too_large(most)
        part = stream.read(size)
        if len(part) < size:
            raise RefusedError(400, "the body ended early")
        parts.append(part)
        if stream.readline(3).rstrip(b"\r\n"):
            raise RefusedError(400, "a chunk is longer than it says")
    for _ in range(MAX_TRAILERS):
        line = stream.readline(MAX_CHUNK_HEAD)
        if line in (b"\r\n", b"\n"):
            return b"".join(parts)
        if not line:
            break
    raise RefusedError(400, "the body ended early")


def _chunk_size(stream: Reader) -> int:
    head = stream.readline(MAX_CHUNK_HEAD)
    if not head.endswith(b"\n"):
        raise RefusedError(400, "the body ended early")
    digits = head.split(b";", 1)[0].strip()
    if not re.fullmatch(rb"[0-9A-Fa-f]{1,12}", digits):
        raise RefusedError(400, "not a chunk's length")
    return int(digits, 16)


def expand(body: bytes, coding: str | None, limits: Limits) -> bytes:
    """Decompress a body, within bounds.

    Raises
    ------
    RefusedError
        413 where more is inside than may be, 415 for an unknown coding.

    Examples
    --------
    >>> import gzip
    >>> expand(gzip.compress(b"[]"), "GZIP", Limits())
    b'[]'
    """
    name = (coding or "identity").strip().lower()
    if name in ("identity", ""):
        return body
    if name not in CODINGS:
        raise RefusedError(415, "send Content-Encoding gzip, deflate or none")
    parts: list[bytes] = []
    total = 0
    while body:
        engine = zlib.decompressobj(ZLIB_OR_GZIP)
        try:
            part = engine.decompress(body, limits.content_bytes + 1 - total)
        except zlib.error as error:
            raise RefusedError(400, "compressed data are damaged") from error
        total += len(part)
        if total > limits.content_bytes:
            raise RefusedError(413, f"more than {limits.content_bytes} bytes inside")
        if not engine.eof:
            raise RefusedError(400, "compressed data end early")
        parts.append(part)
        body = engine.unused_data
    return b"".join(parts)


def has_more_values(content: bytes, most: int) -> bool:
    """Whether a JSON text has more values than `most`, before it is parsed.

    Text that a sender includes is not counted, so a long one is no reason to refuse.

    Examples
    --------
    >>> has_more_values(b'[1,2,{"a":"x,y,z"}]', 4), has_more_values(b"[1,2,[]]", 3)
    (False, True)
    """
    if _separators(content) <= most:
        return False
    return _separators(STRINGS.sub(b'""', content)) > most


def _separators(text: bytes) -> int:
    return sum(text.count(mark) for mark in (b",", b"[", b"{"))


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, f"a body above {most} bytes; `--max-body` raises it")
