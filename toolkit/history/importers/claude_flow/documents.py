"""JSON files as claude-flow leaves them: whole, in conflict, cut off, overwritten."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink
from toolkit.history.importers.lines import GZIP_MAGIC

__all__ = ["read_document", "read_rows"]

MAX_BYTES = 256 * 2**20
"""A window of a day holds less than 2 MB; what is larger is something else."""

_DECODER = json.JSONDecoder()


def read_document(path: Path) -> dict[str, Any]:
    """Read a file that is one JSON object.

    Raises
    ------
    InputDataError
        It is broken or holds something else.
    """
    text = _text(path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputDataError(_damage(text), file=path) from error
    if not isinstance(value, dict):
        raise InputDataError("not a JSON object", file=path)
    return value


def read_rows(path: Path, sink: ImportSink) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the objects of a file that is one JSON array, each with the line it begins on.

    Of a file in conflict or cut off every whole object is read and every other one
    rejected. A file with NUL bytes is refused: where blocks of it were lost, nothing
    says that those which look whole are.

    Raises
    ------
    InputDataError
        The file holds no array of objects, or NUL bytes.
    """
    text = _text(path)
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        yield from _salvaged(text, path, sink)
        return
    if not isinstance(rows, list):
        raise InputDataError("not a JSON array", file=path)
    for number, row in enumerate(rows, start=1):
        if isinstance(row, dict):
            sink.read(1)
            yield number, row
        else:
            sink.reject(number, "not a JSON object")


def _salvaged(
    text: str, path: Path, sink: ImportSink
) -> Iterator[tuple[int, dict[str, Any]]]:
    if "\0" in text:
        raise InputDataError(_damage(text), file=path)
    whole = 0
    place = text.find("{")
    while place >= 0:
        line = text.count("\n", 0, place) + 1
        try:
            row, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            sink.read(1)
            sink.reject(line, _damage(text))
            end = _next_row(text, place)
        else:
            whole += 1
            sink.read(1)
            yield line, row
        place = text.find("{", end)
    if not whole:
        raise InputDataError(_damage(text), file=path)


def _next_row(text: str, place: int) -> int:
    """Skip to the next object that opens on a separate line, as rows do."""
    end = text.find("\n", place)
    while end >= 0:
        following = text.find("\n", end + 1)
        line = text[end + 1 : following if following >= 0 else len(text)]
        if line.strip() == "{":
            return end
        end = following
    return len(text)


def _damage(text: str) -> str:
    """Name what broke the file, without its content."""
    if "\0" in text:
        return "holds NUL bytes"
    if any(line.startswith("<<<<<<<") for line in text.splitlines()):
        return "holds merge conflict marks"
    return "not JSON: cut off or damaged"


def _text(path: Path) -> str:
    raw = path.read_bytes()
    if raw[:2] == GZIP_MAGIC:
        raw = _unzipped(raw, path)
    if not raw.strip():
        raise InputDataError("empty", file=path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputDataError("not UTF-8", file=path) from error


def _unzipped(raw: bytes, path: Path) -> bytes:
    """Unzip, but not more than a metrics file can hold."""
    try:
        text = zlib.decompressobj(wbits=31).decompress(raw, MAX_BYTES)
        if len(text) < MAX_BYTES:
            return gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputDataError("compressed data are damaged", file=path) from error
    raise InputDataError("larger than a metrics file can be", file=path)
