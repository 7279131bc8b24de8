"""Names for hashed projects and branches: kept in the store, shown by every report."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli import run
from toolkit.errors import InputDataError, UsageError
from toolkit.history import RecordStore, read_store, write_alias
from toolkit.history.aliases import read_aliases
from toolkit.records import Batch, Provenance
from toolkit.review import read_facts

BEGUN = datetime(2026, 3, 2, tzinfo=UTC)


def store_of(folder: Path, *projects: str) -> Path:
    """Make a store with a few batches of each project, on one branch."""
    with RecordStore(folder / "store") as store:
        for number, project in enumerate(projects):
            for n in range(3):
                store.add(
                    Batch(
                        record_id=f"{number}-{n}",
                        at=BEGUN + timedelta(hours=number, minutes=n),
                        source="test",
                        provenance=Provenance.DERIVED,
                        operation_type="shell",
                        size=1,
                        calls=1,
                        cycle_s=1.0,
                        succeeded=1,
                        failed=0,
                        cancelled=0,
                        session_id=f"s{number}",
                        project=store.hidden(project),
                        branch=store.hidden("branch main"),
                        client="codex-tui",
                    )
                )
    return folder / "store"


def printed(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Any:
    assert run([str(word) for word in (*words, "--json")]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_project_is_named_by_its_folder_and_reports_show_the_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of(tmp_path, "/home/a/api", "/home/a/web")
    alias = ("records", "alias", "--store", store)
    printed(capsys, *alias, "/home/a/api", "the api")
    listed = printed(capsys, *alias)["aliases"]

    assert sorted((r["kind"], r["name"] or "") for r in listed) == [
        ("branch", ""),
        ("project", ""),
        ("project", "the api"),
    ]
    shown = printed(
        capsys, "review", "--no-import", "--store", store, "--by", "project"
    )
    assert "the api" in shown["by"]["project"]


def test_a_hash_and_a_branch_can_be_named_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of(tmp_path, "/home/a/api")
    alias = ("records", "alias", "--store", store)
    (hashed,) = (
        r["hash"] for r in printed(capsys, *alias)["aliases"] if r["kind"] == "project"
    )
    printed(capsys, *alias, hashed, "api")
    printed(capsys, *alias, "main", "trunk", "--branch")

    assert sorted(read_aliases(store).values()) == ["api", "trunk"]


def test_a_name_can_be_taken_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of(tmp_path, "/home/a/api")
    alias = ("records", "alias", "--store", store, "/home/a/api")
    printed(capsys, *alias, "api")
    printed(capsys, *alias, "--remove")

    assert read_aliases(store) == {}


@pytest.mark.parametrize(
    "words", [["/home/a/gone", "x"], ["/home/a/api"], ["/home/a/api", "x", "--remove"]]
)
def test_what_no_record_is_of_cannot_be_named(
    tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of(tmp_path, "/home/a/api")

    assert run(["records", "alias", *words, "--store", str(store)]) == 2
    assert read_aliases(store) == {}
    assert "error" in capsys.readouterr().err


def test_worktrees_of_one_name_are_one_project_in_reports(tmp_path: Path) -> None:
    store = store_of(tmp_path, "/home/a/api", "/home/a/api-worktree")
    with RecordStore(store) as opened:
        for folder in ("/home/a/api", "/home/a/api-worktree"):
            write_alias(store, opened.hidden(folder), "api")
    facts = read_facts(read_store(store))

    assert set(facts.batches["project"]) == {"api"}


def test_names_are_private_to_the_store(tmp_path: Path) -> None:
    store = store_of(tmp_path, "/home/a/api")
    write_alias(store, "0" * 20, "api")

    assert (store / "aliases.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "x" * 101, "two\nlines"])
def test_a_name_is_short_and_printable(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        write_alias(tmp_path, "0" * 20, name)


def test_damaged_names_are_bad_input(tmp_path: Path) -> None:
    (tmp_path / "aliases.json").write_text("{")

    with pytest.raises(InputDataError):
        read_aliases(tmp_path)


@pytest.mark.parametrize("dimension", ["project", "branch", "host", "client"])
def test_every_report_can_be_split(
    tmp_path: Path, dimension: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_of(tmp_path, "/home/a/api", "/home/a/web")
    parts = {"project": 2, "branch": 1, "host": 1, "client": 1}[dimension]
    by = ("--store", store, "--by", dimension)
    for words in (
        ("review", "--no-import", *by),
        ("report", "objectives", *by),
        ("report", "off-policy", "--policy", "size:2", *by),
    ):
        assert len(printed(capsys, *words)["by"][dimension]) == parts, words
