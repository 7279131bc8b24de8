"""Blocks of lines: a damaged line changes nothing about those around it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.history.importers.claude_code.lines import TranscriptLine, decode_block

DAMAGED = [b'{"type":"user"', b"", b"\xff", b"[1]", b"}"]


def line_of(number: int) -> bytes:
    return json.dumps({"type": f"kind-{number}", "cwd": "x" * 400}).encode()


@given(
    st.lists(st.sampled_from([None, *DAMAGED]), min_size=1, max_size=90), st.booleans()
)
def test_a_block_with_damaged_lines_gives_what_its_lines_give_one_by_one(
    damages: list[bytes | None], ended: bool
) -> None:
    lines = [line_of(n) if d is None else d for n, d in enumerate(damages)]
    block = b"\n".join(lines) + b"\n" * (ended or not lines[-1])
    whole = [str(line) for line in decode_block(block)]

    assert whole == [str(decode_block(line + b"\n")[0]) for line in lines]


@pytest.mark.parametrize("place", [0, 1, 150, 298, 299])
def test_a_damaged_line_is_found_at_its_place(place: int) -> None:
    lines = [line_of(number) for number in range(300)]
    lines[place] = lines[place][:100]
    read = decode_block(b"\n".join(lines) + b"\n")

    assert [
        n for n, line in enumerate(read) if not isinstance(line, TranscriptLine)
    ] == [place]
    assert len(read) == 300
