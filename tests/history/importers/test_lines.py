"""Lines that are decoded together give what they give one by one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.json import Decoder

from toolkit.history.importers.lines import (
    UnreadableLineError,
    decode_lines,
    decode_object,
    decode_objects,
)

WHOLE = [
    b'{"a":1}',
    b' {"a":"\xe2\x86\x92"}\r',
    b'{"a":"\\ud800"}',
    b'{"a":NaN}',
]
DAMAGED = [b'{"a"', b"\xff", b'{"a":"\xff"}', b"[1]", b"7", b"\0{}"]
BLANK = [b"", b" \t\r", b"\0\0"]


def one_by_one(lines: list[bytes]) -> list[Any]:
    read: list[Any] = []
    for line in lines:
        if line in BLANK:
            read.append(None)
            continue
        try:
            read.append(decode_object(line))
        except UnreadableLineError as error:
            read.append(error)
    return read


@given(
    st.lists(st.sampled_from([*WHOLE, *DAMAGED, *BLANK]), min_size=1, max_size=30),
    st.booleans(),
)
def test_a_block_gives_what_its_lines_give_one_by_one(
    lines: list[bytes], ended: bool
) -> None:
    block = b"\n".join(lines) + b"\n" * (ended or not lines[-1])

    assert str(decode_objects(block)) == str(one_by_one(lines))


def test_a_line_that_is_too_long_is_an_error_and_no_other_is_lost() -> None:
    (error,) = decode_objects(None)

    assert isinstance(error, UnreadableLineError)
    assert "longer than" in error.problem


def test_an_object_on_two_lines_is_two_errors() -> None:
    read = decode_objects(b'{"a":\n1}\n')

    assert [type(line) for line in read] == [UnreadableLineError] * 2


@pytest.mark.parametrize("damaged", [b'{"a"', b"", b'{"a":1}{"b":2}'])
def test_lines_are_not_decoded_together_where_one_is_no_value(damaged: bytes) -> None:
    whole = b'{"a":1}\n'

    assert decode_lines(whole * 3, Decoder()) == [{"a": 1}] * 3
    assert decode_lines(whole + damaged + b"\n" + whole, Decoder()) is None


def test_a_line_nested_too_deeply_is_found_among_others() -> None:
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    first, second, third = decode_objects(
        b"\n".join([b"{}", deep, json.dumps({"a": 1}).encode()])
    )

    assert (first, third) == ({}, {"a": 1})
    assert isinstance(second, UnreadableLineError)
