"""Lines of plain and gzipped files in bounded memory, and their JSON objects."""

import codecs
import json
import zlib
from collections.abc import Iterator
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeVar

from toolkit.errors import InputDataError, MissingExtraError
from toolkit.history.importers.zstandard import ZSTANDARD_MAGIC, decompressed

try:
    import orjson
    from msgspec import DecodeError
    from msgspec.json import Decoder
except ImportError as error:
    raise MissingExtraError("an import", "history") from error

__all__ = [
    "GZIP_MAGIC",
    "MAX_LINE_BYTES",
    "UTF16_MARKS",
    "UnreadableLineError",
    "decode_lines",
    "decode_object",
    "decode_objects",
    "decode_text",
    "decode_value",
    "read_blocks",
    "read_lines",
    "reason_of",
    "split_block",
]

MAX_LINE_BYTES = 32 * 2**20
"""Longest line that is read: what a line holds went to or came from a model in one
request, and the largest request that Claude's interface takes is 32 MB."""

CHUNK_BYTES = 2**20
BLOCK_BYTES = 2**16
READ_BYTES = 2**16
GZIP_MAGIC = b"\x1f\x8b"
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
GZIP_WINDOW = 16 + zlib.MAX_WBITS
"""Asks zlib for the gzip format, with its checksums."""

PADDING = b" \t\r\0"
"""What a line may hold that is no fault: it is blank, or padding behind the last one."""

Decoded = TypeVar("Decoded")

_DECODER: Final = Decoder[Any](Any)


class UnreadableLineError(InputDataError):
    """A line that is refused while the rest of its file is read.

    The message names what was wrong and never repeats what the line held.
    """


def read_blocks(
    path: Path, *, start: int = 0, end: int | None = None
) -> Iterator[bytes | None]:
    """Read the lines of a file, gzipped or not, many at once.

    Parameters
    ----------
    path, start, end
        As in `read_lines`.

    Yields
    ------
    bytes or None
        Whole lines with their ends, of which the file's last may lack its own; `None`
        for one line longer than `MAX_LINE_BYTES`, which is skipped without holding it.

    Raises
    ------
    InputDataError
        Where compressed data end early or are damaged; whole lines before that have
        been yielded.
    """
    tail: list[bytes] = []
    size = 0
    for chunk in _chunks(path) if end is None else _part(path, start, end):
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            size += len(chunk)
            tail.append(chunk)
            if size > MAX_LINE_BYTES:
                tail.clear()
            continue
        first = 0
        if size and size + chunk.find(b"\n") > MAX_LINE_BYTES:
            yield None
            tail.clear()
            first = chunk.find(b"\n") + 1
        tail.append(chunk[first:cut])
        yield b"".join(tail)
        tail, size = [chunk[cut:]], len(chunk) - cut
    if size:
        yield None if size > MAX_LINE_BYTES else b"".join(tail)


def split_block(block: bytes | None) -> list[bytes | None]:
    r"""Split what `read_blocks` gives into lines without their ends.

    Parameters
    ----------
    block : bytes or None
        `None` for a line that is too long.

    Returns
    -------
    list of bytes or None
        `None` stands for that line.

    Examples
    --------
    >>> split_block(b"one\n\nthree"), split_block(b"one\n"), split_block(b"")
    ([b'one', b'', b'three'], [b'one'], [])
    """
    if block is None:
        return [None]
    lines: list[bytes | None] = [*block.split(b"\n")]
    if not lines[-1]:
        lines.pop()
    return lines


def read_lines(
    path: Path, *, start: int = 0, end: int | None = None
) -> Iterator[tuple[int, bytes | None]]:
    """Read the lines of a file, compressed (gzip, Zstandard) or not.

    Its first bytes decide, also whether it is UTF-16: Windows PowerShell writes that, with
    a byte order mark, where the output of a command goes to a file. The mark is no part
    of the first line.

    Parameters
    ----------
    path : path
    start, end : int
        Byte offsets of the part to read, where `end` is given: of a plain file.

    Yields
    ------
    number : int
        1-based, of the part.
    line : bytes or None
        Without its end; `None` for a line longer than `MAX_LINE_BYTES`, which is
        skipped without holding it.

    Raises
    ------
    InputDataError
        As `read_blocks`.
    """
    number = 0
    for block in read_blocks(path, start=start, end=end):
        for line in split_block(block):
            number += 1
            yield number, line


def decode_lines(
    block: bytes | None, decoder: Decoder[Decoded]
) -> list[Decoded] | None:
    r"""Decode what `read_blocks` gives, all lines at once.

    Parameters
    ----------
    block : bytes or None
    decoder : msgspec.json.Decoder
        It checks no UTF-8 in what it skips.

    Returns
    -------
    list or None
        A value a line; `None` where some line is no such value, and has to be found.
        Only where as many lines are blank, two values on one are not noticed.

    Examples
    --------
    >>> decode_lines(b'{"a": 1}\n{"a": 2}\n', Decoder())
    [{'a': 1}, {'a': 2}]
    >>> decode_lines(b'{"a": 1}\n\n', Decoder()) is None
    True
    """
    if block is None:
        return None
    try:
        values = decoder.decode_lines(block)
    except (DecodeError, RecursionError):
        return None
    return values if len(values) == _count_lines(block) else None


def _count_lines(block: bytes) -> int:
    """Count lines that are thousands of bytes long, in a tenth of `bytes.count`'s time."""
    count, place, find = 0, -1, block.find
    while (place := find(b"\n", place + 1)) >= 0:
        count += 1
    return count + (not block.endswith(b"\n"))


def decode_objects(
    block: bytes | None,
) -> list[dict[str, Any] | UnreadableLineError | None]:
    r"""Decode what `read_blocks` gives as one JSON object a line.

    Parameters
    ----------
    block : bytes or None

    Returns
    -------
    list
        For each line its object, or why it cannot be read; `None` for a blank one.

    Examples
    --------
    >>> decode_objects(b'{"a": 1}\n\n{"a"')
    [{'a': 1}, None, UnreadableLineError('not JSON: cut off or damaged')]
    """
    values = decode_lines(block, _DECODER)
    if values is not None and {*map(type, values)} == {dict}:
        return values
    return [_object_or_reason(line) for line in split_block(block)]


def _object_or_reason(
    line: bytes | None,
) -> dict[str, Any] | UnreadableLineError | None:
    if line is not None and not line.strip(PADDING):
        return None
    try:
        return decode_object(line)
    except UnreadableLineError as error:
        return error


def decode_object(line: bytes | None) -> dict[str, Any]:
    r"""Read a line of `read_lines` as one JSON object.

    Parameters
    ----------
    line : bytes or None
        `None` for one that is too long.

    Returns
    -------
    dict

    Raises
    ------
    UnreadableLineError
        With the reason, and without the content.

    Examples
    --------
    >>> decode_object(b'{"a": 1}')
    {'a': 1}
    >>> decode_object(b'{"a": 1')
    Traceback (most recent call last):
    ...
    toolkit.history.importers.lines.UnreadableLineError: not JSON: cut off or damaged
    """
    try:
        value = orjson.loads(line)  # type: ignore[arg-type]  # `None` is refused
    except orjson.JSONDecodeError:
        value = decode_value(line)
    if value.__class__ is dict:
        return value
    shape = "array" if isinstance(value, list) else "value"
    raise UnreadableLineError(f"a JSON {shape}, not an object")


def decode_value(line: bytes | None) -> Any:
    """Read a line of `read_lines` as JSON.

    Parameters
    ----------
    line : bytes or None
        `None` for one that is too long.

    Returns
    -------
    object
        JSON types.

    Raises
    ------
    UnreadableLineError
        With the reason, and without the content.
    """
    if line is None:
        raise UnreadableLineError(f"longer than {MAX_LINE_BYTES} bytes")
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return _decode_leniently(line)


def decode_text(text: str) -> Any:
    """Read JSON that is a text inside JSON, as the arguments of some clients are.

    Parameters
    ----------
    text : str

    Returns
    -------
    object
        JSON types.

    Raises
    ------
    ValueError
        It is no JSON.
    RecursionError
        It is nested too deeply.

    Examples
    --------
    >>> decode_text('{"cmd": "ls"}')
    {'cmd': 'ls'}
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


def _decode_leniently(line: bytes) -> Any:
    """Accept what the standard library does (lone surrogates), or say what is wrong."""
    if b"\0" in line:
        raise UnreadableLineError("holds NUL bytes")
    try:
        return json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise UnreadableLineError("not UTF-8") from error
    except RecursionError as error:
        raise UnreadableLineError("nested too deeply") from error
    except ValueError as error:
        raise UnreadableLineError("not JSON: cut off or damaged") from error


def reason_of(error: InputDataError) -> str:
    """Say why a line cannot be read, without what it held.

    Parameters
    ----------
    error : InputDataError

    Returns
    -------
    str

    Examples
    --------
    >>> reason_of(UnreadableLineError("not an id", field="sessionId", got="secret"))
    'field `sessionId`: not an id'
    """
    return (
        error.problem
        if error.field is None
        else f"field `{error.field}`: {error.problem}"
    )


def _chunks(path: Path) -> Iterator[bytes]:
    """Read a file as UTF-8 without a byte order mark."""
    chunks = _uncompressed(path)
    first = next(chunks, b"")
    if first.startswith(UTF16_MARKS):
        yield from _from_utf16(chain((first,), chunks), path)
        return
    if first := first.removeprefix(codecs.BOM_UTF8):
        yield first
    yield from chunks


def _from_utf16(chunks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")("surrogatepass")
    try:
        for chunk in chunks:
            if text := decoder.decode(chunk):
                yield text.encode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise InputDataError("not the UTF-16 that its mark says", file=path) from error


def _uncompressed(path: Path) -> Iterator[bytes]:
    with path.open("rb") as raw:
        begins = raw.peek(4)[:4]
        if begins[:2] == GZIP_MAGIC:
            yield from _gunzipped(raw, path)
        elif begins == ZSTANDARD_MAGIC:
            yield from decompressed(raw, path)
        else:
            while chunk := raw.read(BLOCK_BYTES):
                yield chunk


def _part(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as raw:
        raw.seek(start)
        left = end - start
        while left > 0 and (chunk := raw.read(min(BLOCK_BYTES, left))):
            left -= len(chunk)
            yield chunk


def _gunzipped(raw: BufferedReader, path: Path) -> Iterator[bytes]:
    """Decompress in pieces of bounded size, several members one after the other.

    The standard library's own reader gives the same in smaller pieces, at half the speed.
    """
    engine = zlib.decompressobj(GZIP_WINDOW)
    while True:
        data = engine.unconsumed_tail or engine.unused_data or raw.read(READ_BYTES)
        if engine.eof:
            data = data.lstrip(b"\0")  # padding behind a member is allowed
            if not data:
                return
            engine = zlib.decompressobj(GZIP_WINDOW)
        elif not data:
            raise InputDataError("compressed data end early", file=path)
        try:
            chunk = engine.decompress(data, BLOCK_BYTES)
        except zlib.error as error:
            raise InputDataError("compressed data are damaged", file=path) from error
        if chunk:
            yield chunk
