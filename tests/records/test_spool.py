import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.records import Spool

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


def rows_of(spool: Spool) -> list[dict[str, object] | None]:
    return [line.row for line in spool.lines()]


@given(st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=4), max_size=8))
def test_what_is_appended_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]
) -> None:
    spool = Spool(tmp_path_factory.mktemp("spool"))
    for row in rows:
        spool.append(row)

    assert rows_of(spool) == rows


def test_a_spool_that_never_was_has_no_lines(tmp_path: Path) -> None:
    assert rows_of(Spool(tmp_path / "none")) == []


def test_a_number_that_json_does_not_have_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(ValueError, match="JSON compliant"):
        spool.append({"x": float("nan")})

    assert rows_of(spool) == []


def test_a_torn_last_line_is_not_read(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append({"a": 1})
    with spool.live.open("ab") as stream:
        stream.write(b'{"a": 2')

    assert rows_of(spool) == [{"a": 1}]


def test_the_next_writer_cuts_a_torn_line_off(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append({"a": 1})
    with spool.live.open("ab") as stream:
        stream.write(b'{"a": 2')
    spool.append({"a": 3})

    assert rows_of(spool) == [{"a": 1}, {"a": 3}]


def test_a_last_line_that_lacks_its_newline_only_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    tmp_path.joinpath("live.jsonl").write_text('{"a": 1}\n{"a": 2}')
    spool.append({"a": 3})

    assert rows_of(spool) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_a_segment_number_is_never_used_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    numbers = []
    for number in range(3):
        spool.append({"a": number})
        (segment,) = spool.seal()
        numbers.append(segment.number)
        spool.retire(segment.number, keep_bytes=0)

    assert numbers == [1, 2, 3]
    assert not list(tmp_path.glob("*-*.jsonl"))


def test_a_fifo_in_place_of_the_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "live.jsonl")

    with pytest.raises(OSError, match=r"regular|No such device"):
        Spool(tmp_path).append({"a": 1})


def test_a_link_is_not_followed_out_of_the_spool(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    spool = Spool(tmp_path / "spool")
    spool.directory.mkdir()
    spool.live.symlink_to(outside)

    with pytest.raises(OSError, match="symbolic links"):
        spool.append({"a": 1})
    assert outside.read_text() == ""


def test_a_span_tells_where_the_lines_landed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append({"a": 1})
    span = spool.append_encoded([b"{}\n", b"{}\n"])

    assert span is not None
    assert spool.live.read_bytes()[span.start : span.end] == b"{}\n{}\n"


def test_nothing_to_append_makes_no_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")

    assert spool.append_encoded([]) is None
    assert not spool.directory.exists()


def test_sealing_sets_the_live_file_aside_and_keeps_its_lines(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append({"a": 1})
    sealed = spool.seal()
    spool.append({"a": 2})

    assert len(sealed) == 1
    assert rows_of(spool) == [{"a": 1}, {"a": 2}]


def test_a_spool_is_for_its_owner_only(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append({"a": 1})

    assert spool.live.stat().st_mode & 0o077 == 0


WRITER = """
import sys
from pathlib import Path
from toolkit.records.spool import Spool
spool = Spool(Path(sys.argv[1]))
for number in range(100):
    spool.append({"writer": sys.argv[2], "number": number, "pad": "x" * 500})
"""


@pytest.mark.slow
def test_sixteen_processes_append_while_one_seals_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(writer)])
        for writer in range(16)
    ]
    while any(process.poll() is None for process in writers):
        Spool(tmp_path).seal()
    seen = {(r["writer"], r["number"]) for r in rows_of(Spool(tmp_path)) if r}

    assert [process.returncode for process in writers] == [0] * 16
    assert len(rows_of(Spool(tmp_path))) == 1600
    assert len(seen) == 1600


ENDLESS_WRITER = """
import sys
from pathlib import Path
from toolkit.records.spool import Spool
spool = Spool(Path(sys.argv[1]))
number = 0
while True:
    spool.append({"number": number, "pad": "x" * 2000})
    print(number, flush=True)
    number += 1
"""


@pytest.mark.slow
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS_WRITER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    acknowledged = 0
    for _ in range(200):
        acknowledged = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().split("\n")
    process.wait()
    process.stdout.close()
    whole = [int(text) for text in rest[:-1] if text]
    last = max([acknowledged, *whole])
    numbers = [row["number"] for row in rows_of(Spool(tmp_path)) if row]

    assert numbers[: last + 1] == list(range(last + 1))


def test_a_line_of_something_else_is_none(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append_encoded(
        [b"[1]\n", b"nonsense\n", json.dumps({"a": 1}).encode() + b"\n"]
    )

    assert rows_of(spool) == [None, None, {"a": 1}]


@pytest.mark.parametrize("content", [None, b"x", b"9" * 40])
def test_a_number_of_segments_that_is_none_is_left_out(
    tmp_path: Path, content: bytes | None
) -> None:
    spool = Spool(tmp_path / "s")
    spool.append({"a": 1})
    spool.seal()
    number = spool.directory / ".segment"
    number.unlink()
    if content is None:
        os.mkfifo(number)
    else:
        number.write_bytes(content)
    spool.append({"a": 2})
    spool.seal()

    assert [line.row for line in spool.lines()] == [{"a": 1}, {"a": 2}]
