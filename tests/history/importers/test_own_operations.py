"""Tools of one's own: a file in the store says what they are."""

from pathlib import Path

import pytest

from tests.history.importers.agent_logs.importing import import_logs, lines
from tests.history.importers.agent_logs.test_codex import call, meta, output
from tests.history.importers.claude_code.transcripts import Session, batches, write
from toolkit.errors import InputDataError
from toolkit.history import RecordStore
from toolkit.history.importers import open_source, run_import
from toolkit.history.importers.own_operations import read_own_operations

TABLE = """
[tools]
acme_view = "fileOperations read"
acme_deploy = "deploy"
[tools.codex]
acme_view = "web read"
[commands]
bazel = "build"
"""


def store_of(folder: Path, table: str = TABLE) -> Path:
    (folder / "store").mkdir()
    (folder / "store" / "operations.toml").write_text(table)
    return folder / "store"


def test_a_tool_and_a_command_of_ones_own_have_the_type_that_is_given(
    tmp_path: Path,
) -> None:
    rows = [
        meta(),
        call(1, "a", "acme_view"),
        output(2, "a"),
        call(3, "b", given='{"cmd":"bazel test //..."}'),
        output(4, "b"),
        call(5, "c", given='{"cmd":"make"}'),
        output(6, "c"),
    ]
    (tmp_path / "rollout-1.jsonl").write_bytes(lines(rows))
    found = import_logs("codex", store_of(tmp_path), tmp_path / "rollout-1.jsonl")

    assert [b.operation_type for b in found.batches] == ["web", "build", "shell"]
    assert found.batches[0].read_share == 1


def test_claude_codes_tools_are_extended_too(tmp_path: Path) -> None:
    session = Session().call(1, "a", "acme_view").result(2, "a")
    session.call(3, "b", "Read", message="m2")
    path = write(tmp_path / "x.jsonl", session.lines)
    with RecordStore(store_of(tmp_path)) as store:
        run_import(open_source("claude-code"), [path], store)
        store.compact()
        own, read = batches(store)

    assert (own.operation_type, own.read_share) == ("fileOperations", 1)
    assert read.operation_type == "fileOperations"


def test_files_are_read_again_when_the_table_changes(tmp_path: Path) -> None:
    (tmp_path / "rollout-1.jsonl").write_bytes(lines([meta(), call(1, "a")]))
    root = store_of(tmp_path)
    unchanged = []
    for table in (TABLE, TABLE, TABLE + "ninja = 'build'"):
        (root / "operations.toml").write_text(table)
        with RecordStore(root) as store:
            report = run_import(
                open_source("codex"),
                [tmp_path / "rollout-1.jsonl"],
                store,
                skip_unchanged=True,
            )
        unchanged.append(report.unchanged_files)

    assert unchanged == [0, 1, 0]


def test_without_a_file_nothing_is_said(tmp_path: Path) -> None:
    assert read_own_operations(tmp_path, "codex") is None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[tools", "TOML"),
        ("[other]", "section"),
        ("tools = 3", "section"),
        ("[tools]\nx = 3", "operation type"),
        ("[tools]\nx = 'two words'", "operation type"),
        ("[commands]\nx = ''", "operation type"),
        ("[tools]\ncodex = 'shell'", "section"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(
    tmp_path: Path, table: str, said: str
) -> None:
    with pytest.raises(InputDataError, match=said):
        read_own_operations(store_of(tmp_path, table).parent / "store", "codex")
