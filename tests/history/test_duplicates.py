"""Claims about batches that hooks and a transcript tell."""

import itertools
import json
from pathlib import Path

import pytest

from tests.hook_sessions import session
from toolkit.cli import run
from toolkit.history import RecordStore, compact_store, read_duplicates
from toolkit.history.duplicates import Duplicates
from toolkit.history.importers import open_source, run_import
from toolkit.records import Spool

TOLD = session([[("Read", "ok"), ("Read", "ok")], [("Bash", "ok")]])
OTHER = session([[("Read", "ok"), ("Read", "failed")], [("Bash", "ok")]])
FOUND = Duplicates(both=2, agree=1, disagreements={"failed": 1, "succeeded": 1})


def take(store: Path, account: str, *, compact: bool) -> None:
    """Let a store know one account of the session."""
    with RecordStore(store) as opened:
        if account == "hooks":
            Spool(store / "hooks").append_all(TOLD.rows())
        else:
            transcript = store / "s.jsonl"
            transcript.write_text(OTHER.transcript())
            run_import(open_source("claude-code"), [transcript], opened)
        if compact:
            compact_store(opened)


@pytest.mark.parametrize("between", [True, False])
@pytest.mark.parametrize("order", list(itertools.permutations(["hooks", "transcript"])))
def test_each_batch_told_twice_is_compared_once_whatever_came_first(
    tmp_path: Path, order: tuple[str, str], between: bool
) -> None:
    first, second = order
    take(tmp_path, first, compact=between)
    take(tmp_path, second, compact=True)

    assert read_duplicates(tmp_path) == FOUND


def test_telling_it_again_counts_nothing_twice(tmp_path: Path) -> None:
    for account in ("hooks", "transcript", "transcript"):
        take(tmp_path, account, compact=True)
    (tmp_path / "index.sqlite").unlink()
    take(tmp_path, "transcript", compact=True)

    assert read_duplicates(tmp_path) == FOUND


def test_one_record_is_kept_of_two_accounts(tmp_path: Path) -> None:
    take(tmp_path, "hooks", compact=True)
    take(tmp_path, "transcript", compact=True)
    with RecordStore(tmp_path) as store:
        sources = [record.source for record in store.dataset.scan("batch")]

    assert sources == ["claude-code-hooks", "claude-code-hooks"]


def test_a_poorer_account_is_a_duplicate_to_the_import(tmp_path: Path) -> None:
    take(tmp_path, "hooks", compact=True)
    (tmp_path / "s.jsonl").write_text(OTHER.transcript())
    with RecordStore(tmp_path) as store:
        report = run_import(open_source("claude-code"), [tmp_path / "s.jsonl"], store)

    assert (report.added - report.turns, report.updated) == (0, 0)


def test_disagreements_are_shown_where_a_user_looks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take(tmp_path, "hooks", compact=True)
    take(tmp_path, "transcript", compact=False)
    store = ["--store", str(tmp_path), "--json"]
    shown = []
    for words in (["records", "compact"], ["hooks", "status"]):
        capsys.readouterr()
        assert run([*words, *store]) == 0
        shown.append(json.loads(capsys.readouterr().out)["seen_by_both"])

    assert shown == [FOUND.to_json()] * 2


def test_nothing_is_compared_where_no_hook_recorded(tmp_path: Path) -> None:
    take(tmp_path, "transcript", compact=True)

    assert read_duplicates(tmp_path) == Duplicates()
    assert not (tmp_path / "accounts.sqlite").exists()
