"""Decompresses Zstandard in pieces, so that a large log needs little memory."""

import sys
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from toolkit.errors import InputDataError, MissingExtraError

__all__ = ["ZSTANDARD_MAGIC", "decompressed"]

ZSTANDARD_MAGIC = b"\x28\xb5\x2f\xfd"
"""First bytes of a Zstandard frame."""

MOST_WINDOW = 26
"""Logarithm of the largest window that is accepted: 64 MiB of memory. Compressors write
8 MiB at most unless they are asked for more."""

CHUNK_BYTES = 2**20
READ_BYTES = 2**16


def decompressed(raw: BufferedReader, path: Path) -> Iterator[bytes]:
    """Decompress a file of one frame or several.

    Parameters
    ----------
    raw : BufferedReader
        At its first byte.
    path : path
        Named in errors.

    Yields
    ------
    bytes
        A MiB at most.

    Raises
    ------
    MissingExtraError
        Before Python 3.14, without `backports.zstd`.
    InputDataError
        The data end early, are damaged, or need too large a window; what came before
        has been yielded.
    """
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError as error:
        raise MissingExtraError("a log compressed with Zstandard", "history") from error
    limits = {int(zstd.DecompressionParameter.window_log_max): MOST_WINDOW}
    engine = zstd.ZstdDecompressor(options=limits)
    data = b""
    while True:
        if engine.eof:
            data = engine.unused_data or raw.read(READ_BYTES)
            if not data:
                return
            engine = zstd.ZstdDecompressor(options=limits)
        elif engine.needs_input:
            data = raw.read(READ_BYTES)
            if not data:
                raise InputDataError("compressed data end early", file=path)
        else:
            data = b""
        try:
            chunk = engine.decompress(data, CHUNK_BYTES)
        except zstd.ZstdError as error:
            raise InputDataError("compressed data are damaged", file=path) from error
        if chunk:
            yield chunk
