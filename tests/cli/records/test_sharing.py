import json
import stat
from pathlib import Path

import pytest

from tests.records.records import a_batch
from toolkit.cli import run
from toolkit.history import RecordStore


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with RecordStore(tmp_path / "store") as opened:
        opened.add(a_batch("one"))
        assert opened.key
    return tmp_path / "store"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, str]:
    assert run([*words, "--json"]) == 0
    found: dict[str, str] = json.loads(capsys.readouterr().out)
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_store_is_given_to_a_group_and_taken_back(store: Path) -> None:
    words = ["records", "share", "--store", str(store)]

    assert run([*words, "write"]) == 0
    assert mode(store) == 0o2770
    assert mode(store / "key") == 0o640
    assert mode(store / "known.sqlite") == 0o660
    with RecordStore(store) as opened:
        opened.compact()
    assert {mode(path) for path in store.rglob("part-*")} == {0o660}
    assert run([*words, "private"]) == 0
    assert mode(store) == 0o700
    assert all(mode(path) & 0o077 == 0 for path in store.rglob("*"))
    assert run([*words, "read", "--group", "no such group"]) == 3


def test_a_key_is_replaced_saved_and_used_by_another_store(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["records", "key", "--store", str(store)]
    first = said(capsys, *words)["key"]
    second = said(capsys, *words, "--new")
    said(capsys, *words, "--save", str(tmp_path / "team.key"))
    with RecordStore(tmp_path / "other") as other:
        other.add(a_batch("two"))
    other_words = ["records", "key", "--store", str(tmp_path / "other")]
    used = said(capsys, *other_words, "--use", str(tmp_path / "team.key"))

    assert second["before"] == first != second["key"]
    assert used["key"] == second["key"]
    assert mode(tmp_path / "team.key") == 0o600
    (tmp_path / "short").write_bytes(b"x")
    assert run([*words, "--use", str(tmp_path / "short")]) == 3
    assert said(capsys, *words)["key"] == second["key"]


def test_a_key_is_not_saved_into_a_repository(store: Path, tmp_path: Path) -> None:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    target = tmp_path / "project" / "team.key"

    words = ["records", "key", "--store", str(store), "--save", str(target)]
    assert run(words) == 2
    assert not target.exists()
