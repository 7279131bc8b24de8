"""One store, several users of the machine: real ones, so only root can try it."""

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.records.records import a_batch
from tests.users import as_user, load_what_it_loads
from toolkit.cli import run
from toolkit.history import read_store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),  # processes of several users work in turn
    pytest.mark.skipif(os.geteuid() != 0, reason="changing the user needs root"),
]

OWNER, MEMBER, OTHER, STRANGER, TEAM = 41001, 41002, 41003, 41004, 42000


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that every user may enter, and sources that every user may read."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    monkeypatch.setenv("HOME", str(made))  # root's own they may not look into
    for name in ("a", "b", "c"):
        rows = [json.dumps(a_batch(f"{name}{n}").to_json()) for n in range(4)]
        (made / f"{name}.jsonl").write_text("\n".join(rows) + "\n")
        (made / f"{name}.jsonl").chmod(0o644)
    (made / "store").mkdir()
    load_what_it_loads(partial(_use_all, made))
    shutil.rmtree(made / "store")
    (made / "store").mkdir()
    os.chown(made / "store", OWNER, TEAM)
    yield made
    shutil.rmtree(made)


def _use_all(folder: Path) -> None:
    for words in (
        taking(folder, "a"),
        [*on(folder, "records", "share"), "append"],
        on(folder, "records", "compact"),
        *reading(folder),
    ):
        run(words)


def reading(folder: Path) -> list[list[str]]:
    table = str(folder / "none" / "x.parquet")
    return [
        on(folder, "records", "show"),
        on(folder, "report", "objectives"),
        on(folder, "review", "--no-import"),
        [*on(folder, "features", "build", "batch"), "--out", table],
        on(folder, "monitor", "--once"),
    ]


def run_as(
    user: int, commands: Sequence[Sequence[str]], *, group: int = TEAM
) -> list[int]:
    """Run some commands as a user; a traceback, or an error too many, fails the test."""
    codes = []
    for words in commands:
        code, said = as_user(user, group, partial(run, words))
        assert "Traceback" not in said, said[-2000:]
        assert said.count("toolkit: error:") == (code != 0), said
        codes.append(code)
    return codes


def done(change: Callable[[], object]) -> int:
    change()
    return 0


def taking(folder: Path, name: str) -> list[str]:
    source, store = str(folder / f"{name}.jsonl"), str(folder / "store")
    return ["records", "import", "spool", source, "--store", store]


def on(folder: Path, *words: str) -> list[str]:
    return [*words, "--store", str(folder / "store")]


def modes(store: Path) -> set[int]:
    """Collect the modes of the files that a member has to write or read."""
    skipped = {".gitignore", "key", "index.sqlite"}
    return {
        stat.S_IMODE(path.stat().st_mode)
        for path in store.rglob("*")
        if path.is_file() and path.name not in skipped
    }


def test_members_write_one_store_and_lock_none_out(folder: Path) -> None:
    (folder / "store").chmod(0o2770)
    compact, show = on(folder, "records", "compact"), on(folder, "records", "show")

    assert run_as(OWNER, [taking(folder, "a"), compact]) == [0, 0]
    assert run_as(MEMBER, [taking(folder, "b"), compact, show]) == [0, 0, 0]
    assert run_as(OWNER, [taking(folder, "c"), compact, show]) == [0, 0, 0]
    assert modes(folder / "store") == {0o660}
    assert stat.S_IMODE((folder / "store" / "key").stat().st_mode) == 0o640
    assert run_as(STRANGER, [show, taking(folder, "a")], group=STRANGER) == [3, 3]


def test_a_group_that_may_only_read_reads_and_changes_nothing(folder: Path) -> None:
    (folder / "store").chmod(0o2750)
    compact = on(folder, "records", "compact")
    assert run_as(OWNER, [taking(folder, "a"), compact]) == [0, 0]
    before = sorted((folder / "store").rglob("*"))
    # The table's folder belongs to another, and there is too little for a report.
    assert run_as(MEMBER, reading(folder)) == [0, 5, 0, 3, 5]
    assert run_as(MEMBER, [taking(folder, "b"), compact]) == [3, 3]
    assert sorted((folder / "store").rglob("*")) == before
    assert modes(folder / "store") == {0o640}


def test_members_append_to_spools_of_their_own_and_one_compacts(folder: Path) -> None:
    store, compact = folder / "store", on(folder, "records", "compact")
    share = [*on(folder, "records", "share"), "append"]
    show = on(folder, "records", "show")

    assert run_as(OWNER, [taking(folder, "a"), share]) == [0, 0]
    assert run_as(MEMBER, [taking(folder, "b"), show, compact]) == [0, 0, 3]
    assert run_as(OTHER, [taking(folder, "c")]) == [0]
    spools = [store / "inbox" / f"{user}.jsonl" for user in (MEMBER, OTHER)]
    assert all(spool.stat().st_uid in (MEMBER, OTHER) for spool in spools)
    for change in (spools[0].unlink, partial(spools[0].write_bytes, b"")):
        assert "PermissionError" in as_user(OTHER, TEAM, partial(done, change))[1]
    assert run_as(OWNER, [compact]) == [0]
    assert not any(spool.exists() for spool in spools)
    assert read_store(store).count("batch") == 12
    assert run_as(MEMBER, [taking(folder, "c"), show]) == [0, 0]
    assert run_as(OWNER, [compact]) == [0]
    assert read_store(store).count("batch") == 12
