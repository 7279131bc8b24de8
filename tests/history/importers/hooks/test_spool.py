"""Claims about joining a hook spool bit by bit."""

import itertools
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hook_sessions import session
from tests.kills import killed_at
from tests.thorough import sampled
from toolkit.history import RecordStore, compact_store
from toolkit.history.importers.hooks import spool as hook_spool
from toolkit.history.importers.hooks.spool import join_hooks
from toolkit.records import Batch, Spool

Rows = list[dict[str, Any]]
BATCHES = [[("Read", "ok")] * 3, [("Edit", "failed")], [("Bash", "ok")] * 2]


def rows_of(name: str, batches: Any = BATCHES) -> Rows:
    """The rows of a session of its own name."""
    text = json.dumps(session(batches).rows())
    text = text.replace("0d2f7a1e-0000-4000-8000-000000000001", name)
    found: Rows = json.loads(text.replace("toolu_", f"toolu_{name}_"))
    return found


def kept(store: Path) -> list[Batch]:
    with RecordStore(store) as opened:
        compact_store(opened)
        return [b for b in opened.dataset.scan("batch") if isinstance(b, Batch)]


def lines_read(store: Path) -> int:
    with RecordStore(store) as opened:
        report = join_hooks(opened)
    assert report is not None
    return report.lines


def two_sessions() -> Rows:
    """Two sessions at once, event by event in turn."""
    one, two = rows_of("one"), rows_of("two")
    return [row for pair in zip(one, two, strict=True) for row in pair]


@pytest.mark.slow
@given(cuts=st.lists(st.integers(0, 40), max_size=4))
@settings(
    max_examples=sampled(7, whole=15),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_a_spool_joined_bit_by_bit_gives_what_it_gives_at_once(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    rows = two_sessions()
    whole, parts = tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b")
    Spool(whole / "hooks").append_all(rows)
    bounds = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for begin, end in itertools.pairwise(bounds):
        Spool(parts / "hooks").append_all(rows[begin:end])
        with RecordStore(parts) as store:
            compact_store(store)

    assert kept(parts) == kept(whole)


def test_what_was_joined_is_not_read_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "hooks")
    first, second = rows_of("one"), rows_of("two")
    spool.append_all(first)
    read = [lines_read(tmp_path), lines_read(tmp_path)]
    spool.append_all(second)

    assert [*read, lines_read(tmp_path)] == [len(first), 0, len(second)]


def test_a_session_that_has_ended_is_not_carried(tmp_path: Path) -> None:
    rows = rows_of("one")
    Spool(tmp_path / "hooks").append_all([*rows, *rows_of("two")[:3]])
    lines_read(tmp_path)
    place = json.loads((tmp_path / "hooks" / "joined.json").read_text())

    assert {name: len(lines) for name, lines in place["open"].items()} == {"two": 3}


def test_what_is_carried_is_as_private_as_the_spool(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "hooks")
    spool.append_all(rows_of("one")[:3])
    lines_read(tmp_path)

    modes = {path.stat().st_mode & 0o777 for path in spool.directory.iterdir()}
    assert modes == {0o600}


def test_a_session_that_was_left_without_an_end_is_let_go(tmp_path: Path) -> None:
    old, new = rows_of("one")[:5], rows_of("two")[:3]
    for row in new:
        row["at_ns"] += int((hook_spool.IDLE_S + 3600) * 1e9)
    Spool(tmp_path / "hooks").append_all([*old, *new])
    lines_read(tmp_path)

    place = json.loads((tmp_path / "hooks" / "joined.json").read_text())
    assert list(place["open"]) == ["two"]


def test_a_clock_that_is_ahead_makes_no_other_session_look_idle(
    tmp_path: Path,
) -> None:
    rows = rows_of("one")[:5]
    ahead = rows_of("ahead")[:1]
    now_ns = time.time_ns()
    for row in rows:
        row["at_ns"] = now_ns
    ahead[0]["at_ns"] = now_ns + int((hook_spool.IDLE_S + 3600) * 1e9)
    Spool(tmp_path / "hooks").append_all([*rows, *ahead])
    lines_read(tmp_path)

    place = json.loads((tmp_path / "hooks" / "joined.json").read_text())
    assert sorted(place["open"]) == ["ahead", "one"]


def test_the_lines_that_one_session_leaves_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook_spool, "MOST_CARRIED", 4)
    rows = rows_of("one")[:-1]
    Spool(tmp_path / "hooks").append_all(rows)
    lines_read(tmp_path)

    place = json.loads((tmp_path / "hooks" / "joined.json").read_text())
    assert [json.loads(line) for line in place["open"]["one"]] == rows[-4:]


def test_a_torn_line_waits_for_its_end(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "hooks")
    rows = rows_of("one")
    spool.append_all(rows[:-1])
    with spool.live.open("ab") as stream:
        stream.write(json.dumps(rows[-1]).encode()[:20])
    before = lines_read(tmp_path)
    with spool.live.open("ab") as stream:
        stream.write(json.dumps(rows[-1]).encode()[20:] + b"\n")

    assert (before, lines_read(tmp_path)) == (len(rows) - 1, 1)
    assert len(kept(tmp_path)) == len(BATCHES)


def test_a_refused_line_is_named_by_its_number_in_the_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "hooks")
    rows = rows_of("one")
    spool.append_all(rows)
    lines_read(tmp_path)
    spool.append({"kind": "batch"})
    with RecordStore(tmp_path) as store:
        join_hooks(store)
        refused = [row["line"] for row in store.rejected()]

    assert refused == [len(rows) + 1]


def _other_file(spool: Spool) -> None:
    spool.live.unlink()
    spool.append_all(rows_of("two"))


def _damaged_note(spool: Spool) -> None:
    (spool.directory / "joined.json").write_text('{"end": "x"')


@pytest.mark.parametrize("change", [_other_file, _damaged_note])
def test_a_place_that_is_none_of_this_file_means_the_beginning(
    tmp_path: Path, change: Callable[[Spool], None]
) -> None:
    spool = Spool(tmp_path / "hooks")
    spool.append_all(rows_of("one"))
    lines_read(tmp_path)
    change(spool)

    assert lines_read(tmp_path) == len(rows_of("one"))


WATCHED = (
    *("history/importers/hooks/spool.py", "history/store.py"),
    *("history/compaction.py", "records/spool.py"),
)


@pytest.mark.slow
# A process for each line at which it is killed, up to some hundred of them.
@pytest.mark.timeout(300)
def test_a_kill_at_any_point_loses_nothing_and_takes_nothing_twice(
    tmp_path: Path,
) -> None:
    rows = two_sessions()
    cut = len(rows) // 2
    Spool(tmp_path / "whole" / "hooks").append_all(rows)
    expected = kept(tmp_path / "whole")
    base = Spool(tmp_path / "base" / "hooks")
    base.append_all(rows[:cut])
    kept(tmp_path / "base")
    kills = 0
    for point in range(1, 4000, sampled(110, whole=15)):
        store = tmp_path / str(point)
        shutil.copytree(tmp_path / "base", store)
        Spool(store / "hooks").append_all(rows[cut:])

        def work(store: Path = store) -> None:
            with RecordStore(store) as opened:
                compact_store(opened)

        killed = killed_at(point, work, watched=WATCHED)
        kills += killed
        assert kept(store) == expected
        if not killed:
            break
    assert kills >= sampled(8, whole=60)
