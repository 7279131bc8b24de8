import gzip
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.capture.receiver.body import expand, has_more_values, read_body
from toolkit.capture.receiver.limits import Limits, RefusedError

CHUNKED = {"transfer-encoding": "Chunked"}
LIMITS = Limits(body_bytes=1000, content_bytes=1000)


def chunked(body: bytes, size: int, extra: bytes = b"") -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    sent = b"".join(b"%x%s\r\n%s\r\n" % (len(p), extra, p) for p in parts)
    return sent + b"0\r\n\r\n"


@given(st.binary(max_size=400), st.integers(1, 50))
def test_a_chunked_body_is_read_whole(body: bytes, size: int) -> None:
    read = read_body(io.BytesIO(chunked(body, size)), CHUNKED, LIMITS)

    assert read == body


def test_extensions_and_trailers_of_chunks_are_skipped() -> None:
    sent = chunked(b"abc", 2, b";name=value")[:-2] + b"Trailer: x\r\n\r\n"

    assert read_body(io.BytesIO(sent), CHUNKED, LIMITS) == b"abc"


@pytest.mark.parametrize(
    ("headers", "sent", "status"),
    [
        (CHUNKED | {"content-length": "3"}, b"abc", 400),
        ({"transfer-encoding": "gzip, chunked"}, b"", 501),
        (CHUNKED, b"2\r\nabc\r\n0\r\n\r\n", 400),
        (CHUNKED, b"zz\r\n", 400),
        (CHUNKED, b"-2\r\nab\r\n0\r\n\r\n", 400),
        (CHUNKED, b"5\r\nab", 400),
        (CHUNKED, b"2\r\nab\r\n", 400),
        (CHUNKED, b"ffffffff\r\n", 413),
        (CHUNKED, b"1" * 5000, 400),
        (CHUNKED, b"0\r\n" + b"a: b\r\n" * 1000, 400),
        ({"content-length": "1001"}, b"", 413),
        ({"content-length": "9" * 400}, b"", 413),
        ({"content-length": "5"}, b"ab", 400),
        ({"content-length": "+5"}, b"abcde", 411),
        ({}, b"", 411),
    ],
)
def test_a_body_that_is_framed_wrong_is_refused(
    headers: dict[str, str], sent: bytes, status: int
) -> None:
    with pytest.raises(RefusedError) as caught:
        read_body(io.BytesIO(sent), headers, LIMITS)

    assert caught.value.refusal.status == status


@pytest.mark.parametrize(
    ("coding", "sent"),
    [
        ("GZIP", gzip.compress(b"abc", mtime=0)),
        ("x-gzip", gzip.compress(b"a", mtime=0) + gzip.compress(b"bc", mtime=0)),
        ("deflate", zlib.compress(b"abc")),
        (None, b"abc"),
        ("identity", b"abc"),
    ],
)
def test_a_compressed_body_is_expanded(coding: str | None, sent: bytes) -> None:
    assert expand(sent, coding, LIMITS) == b"abc"


@pytest.mark.parametrize(
    ("coding", "sent", "status"),
    [
        ("br", b"abc", 415),
        ("gzip", b"abc", 400),
        ("gzip", gzip.compress(b"abc", mtime=0)[:-3], 400),
        ("gzip", gzip.compress(b"x" * 1001, mtime=0), 413),
        ("gzip", gzip.compress(b"x" * 600, mtime=0) * 2, 413),
    ],
)
def test_a_body_that_does_not_expand_is_refused(
    coding: str, sent: bytes, status: int
) -> None:
    with pytest.raises(RefusedError) as caught:
        expand(sent, coding, LIMITS)

    assert caught.value.refusal.status == status


def test_counting_values_takes_one_pass_over_quotation_marks() -> None:
    hostile = b'"' + b'\\"' * 200_000 + b"," * 10

    assert not has_more_values(hostile, 5)
