import json
import os
from pathlib import Path

import pytest

from tests.history.importers.claude_code.transcripts import Session, write
from toolkit.cli import run


def session_file(folder: Path) -> Path:
    session = Session().prompt(0).call(1, "a").call(1.5, "b").result(2, "a")
    return write(folder / "p" / "session-1.jsonl", session.result(3, "b").lines).parent


def test_an_import_prints_one_json_object_with_every_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, store = session_file(tmp_path), tmp_path / "store"
    code = run(
        [
            "records",
            "import",
            "claude-code",
            str(folder),
            "--store",
            str(store),
            "--json",
        ]
    )
    printed = json.loads(capsys.readouterr().out)

    assert code == 0
    assert {
        "files": 1,
        "lines": 5,
        "sessions": 1,
        "batches": 1,
        "multi_call_batches": 1,
        "calls": 2,
        "subagent_streams": 0,
        "load_samples": 0,
        "duplicates": 0,
        "rejected": 0,
    }.items() <= printed.items()


def test_a_path_that_does_not_exist_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(
        [
            "records",
            "import",
            "claude-code",
            str(tmp_path / "no"),
            "--store",
            str(tmp_path / "store"),
            "--json",
        ]
    )
    streams = capsys.readouterr()

    assert (code, streams.out) == (3, "")
    assert "no such file" in streams.err


def test_an_unknown_source_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["records", "import", "cursor", "x", "--store", str(tmp_path)])

    assert code == 2
    assert "cursor" in capsys.readouterr().err


def test_show_counts_what_was_imported_and_why_lines_were_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, store = session_file(tmp_path), tmp_path / "store"
    with (folder / "session-1.jsonl").open("ab") as stream:
        stream.write(b'{"torn')
    run(["records", "import", "claude-code", str(folder), "--store", str(store)])
    capsys.readouterr()
    code = run(["records", "show", "--store", str(store), "--json"])
    shown = json.loads(capsys.readouterr().out)

    assert code == 0
    assert [(r["kind"], r["type_name"], r["records"]) for r in shown["records"]] == [
        ("batch", "fileOperations", 1),
        ("coordination", "", 2),
        ("turn", "", 1),
    ]
    assert shown["rejected_by_reason"] == {"not JSON: cut off or damaged": 1}


def test_show_for_people_names_the_rejected_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, store = session_file(tmp_path), tmp_path / "store"
    (folder / "other.jsonl").write_text('{"messages": []}\n')
    run(["records", "import", "claude-code", str(folder), "--store", str(store)])
    run(["records", "show", "--store", str(store)])
    printed = capsys.readouterr().out

    assert "other.jsonl" in printed
    assert "no Claude Code transcript" in printed


def test_show_without_a_store_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["records", "show", "--store", str(tmp_path / "none")])

    assert code == 3
    assert "no such store" in capsys.readouterr().err


def test_compact_counts_what_it_merged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, store = session_file(tmp_path), tmp_path / "store"
    run(["records", "import", "claude-code", str(folder), "--store", str(store)])
    capsys.readouterr()
    run(["records", "compact", "--store", str(store), "--json"])
    printed = json.loads(capsys.readouterr().out)

    assert printed == {
        "partitions": 3,
        "spool_files": 1,
        "rows": {"batch": 1, "coordination": 2, "turn": 1},
        "seen_by_both": {"both": 0, "agree": 0, "disagreements": {}},
    }


def test_a_spool_of_another_store_is_imported_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, store = session_file(tmp_path), tmp_path / "store"
    run(["records", "import", "claude-code", str(folder), "--store", str(store)])
    for _ in range(2):
        capsys.readouterr()
        run(
            [
                "records",
                "import",
                "spool",
                str(store / "spool"),
                "--store",
                str(tmp_path / "second"),
                "--json",
            ]
        )
    printed = json.loads(capsys.readouterr().out)

    assert (printed["batches"], printed["added"], printed["duplicates"]) == (1, 0, 4)


MAP = """kind = "batch"
[columns]
at = "started"
size = "n"
[constants]
operation_type = "fileOperations"
"""
USELESS = [
    ("table", "t.csv", "when,n\n2026-01-05T10:00:00Z,3\n", "no column `started`"),
    (
        "table",
        "t.csv",
        "started,n\nyesterday,3\n",
        "line 2: field `started`: not a time",
    ),
    ("claude-code", "f.jsonl", '{"a":1}\n', "no Claude Code transcript"),
    ("claude-code", "f.jsonl", "", "empty"),
    (
        "claude-code",
        "f.jsonl",
        '{"type":"session_meta","payload":{"id":"r"}}\n',
        "`toolkit records import codex`",
    ),
    ("otlp", "f.jsonl", '{"a":1}\n', "nothing in it is an OTLP document"),
    ("codex", "rollout-1.jsonl", '{"a":1}\n', "no rollout of Codex"),
    ("hooks", "live.jsonl", '{"a":1}\n', ""),
]


@pytest.mark.parametrize(("origin", "name", "content", "why"), USELESS)
def test_an_import_of_which_nothing_can_be_used_ends_with_3_and_says_why(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    origin: str,
    name: str,
    content: str,
    why: str,
) -> None:
    path = tmp_path / name
    path.write_text(content)
    (tmp_path / "map.toml").write_text(MAP)
    words = ["--map", str(tmp_path / "map.toml")] if origin == "table" else []
    store = ["--store", str(tmp_path / "store")]
    code = run(["records", "import", origin, str(path), *words, *store])
    said = capsys.readouterr().err.strip().splitlines()[-1]

    assert code == 3
    assert said.startswith(f"toolkit: error: {path}")
    assert why in said


def test_a_pipe_is_not_opened_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "f.jsonl")
    words = [str(tmp_path / "f.jsonl"), "--store", str(tmp_path / "store")]
    code = run(["records", "import", "claude-code", *words])

    assert code == 3
    assert "f.jsonl: nothing in it could be imported" in capsys.readouterr().err


@pytest.mark.parametrize("imported_before", [None, "session-1", "session-2"])
def test_what_forks_repeat_is_not_called_updated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], imported_before: str | None
) -> None:
    words = ["--store", str(tmp_path / "store")]
    for name in ("session-1", "session-2"):
        session = Session(name).call(1, "a").result(2, "a").call(4, "b", message="m2")
        path = write(tmp_path / "in" / f"{name}.jsonl", session.result(5, "b").lines)
        if name == imported_before:
            run(["records", "import", "claude-code", str(path), *words])
    capsys.readouterr()
    run(["records", "import", "claude-code", str(tmp_path / "in"), *words])
    printed = {
        cells[1].strip(): cells[2].strip()
        for line in capsys.readouterr().out.splitlines()
        if len(cells := line.split("|")) == 4
    }

    assert printed["batches"] == "2"
    assert printed["updated"] == "0"
    assert int(printed["also in forks"]) > 0


def test_rows_that_share_an_id_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "map.toml").write_text('identity = ["n"]\n' + MAP)
    path = tmp_path / "t.csv"
    path.write_text("started,n\n2026-01-05T10:00:00Z,3\n2026-01-06T10:00:00Z,3\n")
    words = ["--map", str(tmp_path / "map.toml"), "--store", str(tmp_path / "store")]
    code = run(["records", "import", "table", str(path), *words])
    streams = capsys.readouterr()

    assert code == 0
    assert "1 rows share an id with another row" in streams.out + streams.err
