"""Files are told apart by what they hold, whatever they are called."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.hostile import SEEDS
from tests.shared import HISTORY, needs_history
from tests.thorough import sampled
from toolkit.history import RecordStore
from toolkit.history.importers import open_source, run_import, sort_logs
from toolkit.history.importers.sorting import AGENT_SOURCES


def test_every_agents_log_is_told_from_the_others_under_one_name(
    tmp_path: Path,
) -> None:
    for name, (_, data) in SEEDS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "full.jsonl").write_bytes(data)
    logs, others = sort_logs([tmp_path])

    assert logs == {
        name: [tmp_path / name / "full.jsonl"] for name in sorted(AGENT_SOURCES)
    }
    assert others == len(SEEDS) - len(AGENT_SOURCES)


def test_a_rollout_of_2025_is_codexs(tmp_path: Path) -> None:
    (tmp_path / "x").write_text(
        '{"id":"r","timestamp":"2025-08-01T10:00:00Z","instructions":null}\n'
    )

    assert list(sort_logs([tmp_path])[0]) == ["codex"]


@pytest.mark.parametrize("torn", [b"", b'{"type":"summ\n'])
def test_a_session_that_begins_with_summaries_is_claude_codes(
    tmp_path: Path, torn: bytes
) -> None:
    summary = b'{"type":"summary","summary":"x","leafUuid":"u"}\n'
    (tmp_path / "x.jsonl").write_bytes(torn + summary * 50)

    assert list(sort_logs([tmp_path])[0]) == ["claude-code"]


@pytest.mark.parametrize(
    ("tables", "source"),
    [
        (["session", "part"], ["opencode"]),
        (["session", "session_message"], ["opencode"]),
        (["assistant_usage_events"], []),
        (["session"], []),
    ],
)
def test_a_database_is_known_by_its_tables(
    tmp_path: Path, tables: list[str], source: list[str]
) -> None:
    with closing(sqlite3.connect(tmp_path / "any.sqlite")) as database, database:
        for table in tables:
            database.execute(f"CREATE TABLE {table} (id)")
    database.close()

    assert list(sort_logs([tmp_path])[0]) == source


def test_the_files_of_one_session_are_read_with_it(tmp_path: Path) -> None:
    for kind, name in (("session", "ses_1"), ("message", "msg_1"), ("part", "prt_1")):
        path = tmp_path / "storage" / kind / "of" / f"{name}.json"
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    logs, others = sort_logs([tmp_path])

    assert [path.name for path in logs["opencode"]] == ["ses_1.json"]
    assert others == 0


@needs_history
@pytest.mark.slow
def test_all_packs_at_once_give_the_counts_of_their_sheets(tmp_path: Path) -> None:
    """Copies and earlier states add nothing.

    All files are sorted; those of Claude Code, most of them, are read where all is tried.
    """
    roots = [
        HISTORY / each for each in ("codex", "copilot", "gemini", "opencode", "pi")
    ]
    for kind in ("projects", "earlier-checkpoints"):
        roots += sorted((HISTORY / "claude-code").glob(f"*/{kind}"))
    logs, _ = sort_logs(roots)
    batches = several = calls = 0
    assert len(logs["claude-code"]) >= 338
    if sampled(few=True, whole=False):
        del logs["claude-code"]
    with RecordStore(tmp_path) as store:
        for name, files in logs.items():
            report = run_import(open_source(name), files, store)
            batches += report.batches
            several += report.multi_call_batches
            calls += report.calls
            assert report.refused_files == 0, name

    assert (batches, several, calls) == sampled(
        (4_104, 1_208, 6_823),
        whole=(4_104 + 16_821, 1_208 + 1_946, 6_823 + 19_919),
    )
