import io
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from toolkit.errors import InputDataError
from toolkit.history.importers.zstandard import (
    CHUNK_BYTES,
    MOST_WINDOW,
    ZSTANDARD_MAGIC,
    decompressed,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PATH = Path("rollout.jsonl.zst")


def unpacked(data: bytes) -> list[bytes]:
    return list(decompressed(io.BufferedReader(io.BytesIO(data)), PATH))


def test_frames_behind_one_another_are_one_text() -> None:
    data = zstd.compress(b"first,") + zstd.compress(b"") + zstd.compress(b"second")

    assert data.startswith(ZSTANDARD_MAGIC)
    assert b"".join(unpacked(data)) == b"first,second"


def test_a_small_file_that_unpacks_to_much_comes_in_pieces() -> None:
    length = 3 * CHUNK_BYTES + 5
    pieces = unpacked(zstd.compress(bytes(length)))

    assert sum(map(len, pieces)) == length
    assert max(map(len, pieces)) <= CHUNK_BYTES


@pytest.mark.parametrize("kept", [3, -1])
def test_data_that_end_early_are_refused(kept: int) -> None:
    data = zstd.compress(random.Random(0).randbytes(1000))

    with pytest.raises(InputDataError, match="compressed data end early"):
        unpacked(data[:kept])


def test_what_came_before_the_damage_is_given_first() -> None:
    stream = decompressed(
        io.BufferedReader(io.BytesIO(zstd.compress(b"whole") + b"no frame")),
        PATH,
    )

    assert next(stream) == b"whole"
    with pytest.raises(InputDataError, match="compressed data are damaged") as caught:
        next(stream)
    assert caught.value.file == PATH


def test_a_window_that_needs_too_much_memory_is_refused() -> None:
    parameter: Any = zstd.CompressionParameter
    # A frame that states its length needs no more of a window than that.
    options = {parameter.window_log: MOST_WINDOW + 1, parameter.content_size_flag: 0}
    engine = zstd.ZstdCompressor(options=options)
    data = engine.compress(b"small") + engine.flush()

    with pytest.raises(InputDataError, match="damaged"):
        unpacked(data)
