"""Files of every generation, made here in the shapes that the tool leaves behind."""

import base64
import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shared import HISTORY, needs_history
from tests.thorough import sampled
from toolkit.errors import InputDataError
from toolkit.history import RecordStore
from toolkit.history.importers import ImportReport, open_source, run_import
from toolkit.records import (
    KINDS,
    CoordinationEvent,
    LoadSample,
    Outcome,
    Provenance,
    Record,
    Workflow,
)

MS = 1_765_046_417_444
AT = datetime(2025, 12, 6, 18, 40, 17, 444000, tzinfo=UTC)
GB = 2**30


def sample(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "timestamp": MS + 30_000 * number,
        "memoryTotal": 16 * GB,
        "memoryUsed": 4 * GB,
        "memoryFree": 12 * GB,
        "memoryUsagePercent": 25.0,
        "memoryEfficiency": 75.0,
        "cpuCount": 8,
        "cpuLoad": 1.5,
        "platform": "linux",
        "uptime": 500.25,
        **changes,
    }


def put(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content, indent=2)
    path.write_text(text)
    return path


def metrics(project: Path, name: str, content: object) -> Path:
    return put(project / ".claude-flow" / "metrics" / name, content)


class Imported:
    """What an import of some paths did, and what is in the store after it."""

    def __init__(self, root: Path, *paths: Path) -> None:
        with RecordStore(root) as store:
            self.report: ImportReport = run_import(
                open_source("claude-flow"), paths, store
            )
            self.records: list[Record] = [
                KINDS[str(line.row["kind"])].from_json(line.row)
                for line in store.spool.lines()
                if line.row is not None
            ]
            self.reasons = sorted(str(row["reason"]) for row in store.rejected())

    def only(self) -> Any:
        (record,) = self.records
        return record


@pytest.fixture
def imported(tmp_path: Path) -> Callable[..., Imported]:
    return lambda *paths: Imported(tmp_path / "store", *paths)


def test_a_sample_keeps_what_was_measured(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    record = imported(metrics(tmp_path / "p", "system-metrics.json", [sample()])).only()

    assert isinstance(record, LoadSample)
    assert (record.at, record.cpu, record.memory, record.uptime_s) == (
        AT,
        1.5,
        0.25,
        500.25,
    )
    assert (record.memory_total_bytes, record.cpu_cores) == (16 * GB, 8)


def test_overlapping_windows_of_one_directory_are_counted_once(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    for version, first in (("0000", 0), ("0001", 3), ("0002", 5)):
        window = [sample(n) for n in range(first, first + 5)]
        metrics(tmp_path / "p" / version, "system-metrics.json", window)
    metrics(tmp_path / "p", "system-metrics.json", [sample(n) for n in range(5, 10)])

    assert imported(tmp_path / "p").report.load_samples == 10


@pytest.mark.parametrize(
    "changes", [{"memoryTotal": 8 * GB}, {"cpuCount": 4}, {"timestamp": MS + 1}]
)
def test_samples_of_another_machine_or_moment_are_other_samples(
    changes: dict[str, Any], tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    rows = [sample(), sample(**changes)]
    path = metrics(tmp_path / "p", "system-metrics.json", rows)

    assert imported(path).report.load_samples == 2


def test_samples_of_another_directory_are_other_samples(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    for project in ("p", "q"):
        metrics(tmp_path / project, "system-metrics.json", [sample()])

    assert imported(tmp_path / "p", tmp_path / "q").report.load_samples == 2


def test_an_import_again_adds_nothing(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    path = metrics(tmp_path / "p", "system-metrics.json", [sample(n) for n in range(9)])
    imported(path)

    assert imported(path).report.added == 0


def test_gzipped_files_are_read_alike(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    path = tmp_path / "p" / ".claude-flow" / "metrics" / "system-metrics.json.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(json.dumps([sample()]).encode()))

    assert imported(path).report.load_samples == 1


@settings(max_examples=40, deadline=None)
@given(cut=st.integers(1, len(json.dumps([sample(n) for n in range(3)], indent=2))))
def test_wherever_a_file_is_cut_off_exactly_its_whole_rows_are_kept(cut: int) -> None:
    rows = [sample(n) for n in range(3)]
    text = json.dumps(rows, indent=2)[:cut]
    with TemporaryDirectory() as name:
        path = metrics(Path(name) / "p", "system-metrics.json", text)
        done = Imported(Path(name) / "store", path)

    assert done.report.load_samples == text.count("\n  }")


def test_a_name_of_a_machine_is_hidden(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    record = imported(metrics(tmp_path / "p", "system-metrics.json", [sample()])).only()

    assert str(16 * GB) not in record.host


CONFLICT = """[
  {row0},
  {{
    "timestamp": 1765046500000,
<<<<<<< HEAD
    "memoryTotal": 17179869184,
=======
    "memoryTotal": 8589934592,
>>>>>>> other
    "cpuCount": 8
  }},
  {row1}
]"""


def test_whole_rows_of_a_file_in_conflict_are_salvaged(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    rows = {f"row{n}": json.dumps(sample(n), indent=2) for n in (0, 1)}
    text = CONFLICT.format(**rows).replace("\n{", "\n  {")
    done = imported(metrics(tmp_path / "p", "system-metrics.json", text))

    assert (done.report.load_samples, done.report.rejected) == (2, 1)
    assert done.reasons == ["holds merge conflict marks"]


def test_whole_rows_of_a_file_cut_off_are_salvaged(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    text = json.dumps([sample(n) for n in range(4)], indent=2)[:-60]
    done = imported(metrics(tmp_path / "p", "system-metrics.json", text))

    assert (done.report.load_samples, done.report.rejected) == (3, 1)
    assert done.reasons == ["not JSON: cut off or damaged"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (json.dumps([sample()]) + "\0\0\0", "holds NUL bytes"),
        ("", "empty"),
        ("[{", "not JSON: cut off or damaged"),
        ('{"a": 1}', "not a JSON array"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_and_stops_nothing(
    content: str, reason: str, tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    metrics(tmp_path / "p" / "0000", "system-metrics.json", content)
    metrics(tmp_path / "p", "system-metrics.json", [sample()])
    done = imported(tmp_path / "p")

    assert (done.report.refused_files, done.report.load_samples) == (1, 1)
    assert reason in done.reasons


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp": "yesterday"},
        {"timestamp": None},
        {"memoryUsagePercent": 250.0},
        {"memoryUsagePercent": "many"},
        {"cpuCount": 0},
        {"cpuLoad": "high"},
    ],
)
def test_a_row_that_makes_no_sense_is_rejected_and_the_next_is_kept(
    changes: dict[str, Any], tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    rows = [sample(**changes), sample(1)]
    done = imported(metrics(tmp_path / "p", "system-metrics.json", rows))

    assert (done.report.load_samples, done.report.rejected) == (1, 1)


def test_probes_of_v3_are_in_percent_and_megabytes(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    row = {
        "timestamp": "2025-12-06T18:40:17.444Z",
        "cpu": {"usage": 40.0, "cores": 8},
        "memory": {"used": 2048, "total": 8192, "heap": 90},
        "latency": {"avg": 0.1, "p50": 0.1, "p95": 0.1, "p99": 0.1},
        "throughput": 100,
        "errors": 0,
    }
    path = put(tmp_path / "p/.claude-flow/performance/metrics.json", [row])
    record = imported(path).only()

    assert (record.at, record.cpu, record.memory) == (AT, 0.4, 0.25)
    assert record.memory_used_bytes == 2 * GB


def test_a_command_keeps_its_duration_in_seconds_and_no_outcome(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    row = {
        "id": f"cmd-hooks-{MS}",
        "type": "hooks",
        "success": True,
        "duration": 13.5,
        "timestamp": MS,
        "metadata": {},
    }
    record = imported(metrics(tmp_path / "p", "task-metrics.json", [row])).only()

    assert isinstance(record, CoordinationEvent)
    assert (record.duration_s, record.outcome) == (0.0135, Outcome.UNKNOWN)


def test_actions_with_placeholder_durations_are_suspect(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    action = {
        "id": f"general-{MS}",
        "action": "spawn",
        "duration": 0.000642,
        "success": True,
        "timestamp": MS,
    }
    totals = {"general": {"total": 1, "successful": 1, "actions": [action]}}
    record = imported(metrics(tmp_path / "p", "agent-metrics.json", totals)).only()

    assert (record.provenance, record.action) == (Provenance.SUSPECT, "spawn")


@pytest.mark.parametrize(
    "content",
    [
        {"startTime": MS, "totalTasks": 1, "successfulTasks": 1, "totalAgents": 0},
        {"startTime": MS, "sessionId": "session-1", "operations": {"store": {}}},
    ],
)
def test_counters_that_every_process_resets_make_no_record(
    content: dict[str, Any], tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    done = imported(metrics(tmp_path / "p", "performance.json", content))

    assert (done.records, done.report.sessions) == ([], 1)


def test_a_task_of_v3_becomes_a_workflow_of_those_it_was_assigned_to(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    task = {
        "type": "code",
        "status": "failed",
        "assignedTo": ["a", "b"],
        "createdAt": "2025-12-06T18:40:00Z",
        "startedAt": "2025-12-06T18:40:17.444Z",
        "completedAt": "2025-12-06T18:40:27.444Z",
    }
    idle = {**task, "assignedTo": []}
    path = put(
        tmp_path / "p/.claude-flow/tasks/store.json",
        {"tasks": {"t1": task, "t2": idle}},
    )
    record = imported(path).only()

    assert isinstance(record, Workflow)
    assert (record.at, record.agents, record.makespan_s) == (AT, 2, 10.0)
    assert (record.outcome, record.provenance) == (Outcome.FAILED, Provenance.DECLARED)


def test_names_that_two_projects_gave_are_two_tasks_and_two_agents(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    paths = []
    for project, at in (("p", MS), ("q", MS + 60_000)):
        folder = tmp_path / project / ".claude-flow"
        task = {"assignedTo": ["a"], "createdAt": at}
        agent = {"agentType": "coder", "createdAt": at}
        paths += [
            put(folder / "tasks/store.json", {"tasks": {"t1": task}}),
            put(folder / "agents/store.json", {"agents": {"a1": agent}}),
        ]

    assert len(imported(*paths).records) == 4


def test_an_agent_of_v3_becomes_the_event_of_its_spawning(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    agents = {"agents": {"a1": {"agentType": "coder", "createdAt": MS, "health": 1.0}}}
    path = put(tmp_path / "p/.claude-flow/agents/store.json", agents)

    assert imported(path).only().action == "spawn"


def test_routing_outcomes_are_what_their_callers_declared(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    row = {"task": "x", "agent": "coder", "success": False, "timestamp": MS}
    path = put(tmp_path / "p/.claude-flow/routing-outcomes.json", {"outcomes": [row]})
    record = imported(path).only()

    assert (record.outcome, record.provenance) == (Outcome.FAILED, Provenance.DECLARED)


def test_workers_of_the_daemon_that_ran_become_workflows(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    worker = {"runCount": 4, "successCount": 3, "failureCount": 1}
    state = {
        "startedAt": "2025-12-06T18:40:17.444Z",
        "workers": {
            "map": {**worker, "averageDurationMs": 1500},
            "audit": {"runCount": 0, "successCount": 0, "averageDurationMs": 0},
        },
    }
    record = imported(put(tmp_path / "p/.claude-flow/daemon-state.json", state)).only()

    assert (record.makespan_s, record.tasks_succeeded, record.tasks_failed) == (
        1.5,
        3,
        1,
    )


V2_MEMORY = """CREATE TABLE memory_entries (id INTEGER PRIMARY KEY, key TEXT, value TEXT,
  namespace TEXT, metadata TEXT, created_at INTEGER, updated_at INTEGER,
  accessed_at INTEGER, access_count INTEGER, ttl INTEGER, expires_at INTEGER)"""
V3_MEMORY = """CREATE TABLE memory_entries (id TEXT PRIMARY KEY, key TEXT, namespace TEXT,
  content TEXT, type TEXT, owner_id TEXT, provenance_type TEXT, created_at INTEGER)"""


def database(path: Path, schema: str, *rows: tuple[str, tuple[Any, ...]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as store, store:
        store.executescript(schema)
        for statement, values in rows:
            store.execute(statement, values)
    return path


def note(space: str, value: dict[str, Any] | str) -> tuple[str, tuple[Any, ...]]:
    text = value if isinstance(value, str) else json.dumps(value)
    statement = (
        "INSERT INTO memory_entries (key, value, namespace, created_at)"
        " VALUES (?, ?, ?, ?)"
    )
    return statement, (f"{space}/key", text, space, MS // 1000)


EDIT = {
    "file": "/secret/name.py",
    "memoryKey": "swarm/coder/step",
    "timestamp": "2025-12-06T18:40:17.444Z",
    "editId": "edit-1",
}


def test_an_edit_noted_under_three_keys_is_one_event(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    path = database(
        tmp_path / "p/.swarm/memory.db",
        V2_MEMORY,
        note("hooks:post-edit", EDIT),
        note("coordination", EDIT),
        note("file-history", EDIT),
    )
    record = imported(path).only()

    assert (record.at, record.action, record.agent_id) == (AT, "write", "coder")


def test_neither_file_names_nor_keys_are_stored(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    path = database(
        tmp_path / "p/.swarm/memory.db", V2_MEMORY, note("hooks:post-edit", EDIT)
    )
    text = json.dumps(imported(path).only().to_json())

    assert "secret" not in text
    assert "step" not in text


def test_values_called_compressed_are_plain_base64(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    value = "__compressed__" + base64.b64encode(json.dumps(EDIT).encode()).decode()
    path = database(
        tmp_path / "p/.swarm/memory.db", V2_MEMORY, note("hooks:post-edit", value)
    )

    assert imported(path).only().at == AT


def test_a_finished_task_has_its_duration_in_seconds_and_no_outcome(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    value = {
        "taskId": "t",
        "status": "completed",
        "completedAt": "2025-12-06T18:40:17.444Z",
        "duration": 2500,
    }
    path = database(
        tmp_path / "p/.swarm/memory.db", V2_MEMORY, note("hooks:post-task", value)
    )
    record = imported(path).only()

    assert (record.duration_s, record.outcome) == (2.5, Outcome.UNKNOWN)


def test_a_shell_command_that_nobody_timed_has_no_duration(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    value = {
        "bashId": "b",
        "timestamp": "2025-12-06T18:40:17.444Z",
        "metrics": {"duration": 0, "success": True},
    }
    path = database(
        tmp_path / "p/.swarm/memory.db", V2_MEMORY, note("hooks:post-bash", value)
    )

    assert imported(path).only().duration_s is None


def test_an_unreadable_note_is_rejected_and_the_next_is_kept(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    path = database(
        tmp_path / "p/.swarm/memory.db",
        V2_MEMORY,
        note("hooks:post-edit", "{cut"),
        note("hooks:post-edit", EDIT),
    )
    done = imported(path)

    assert (done.report.events, done.report.rejected) == (1, 1)


def test_an_entry_of_v3_is_a_write_in_milliseconds(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    statement = (
        "INSERT INTO memory_entries (id, key, namespace, provenance_type, created_at)"
        " VALUES ('m1', 'k', 'default', 'user_claim', ?)"
    )
    path = database(tmp_path / "p/.swarm/memory.db", V3_MEMORY, (statement, (MS,)))
    record = imported(path).only()

    assert (record.at, record.action) == (AT, "write")
    assert record.provenance is Provenance.DECLARED


OLD_HIVE = """
CREATE TABLE swarms (id TEXT, name TEXT, created_at TEXT);
CREATE TABLE agents (id TEXT, swarm_id TEXT, name TEXT, type TEXT, created_at TEXT);
CREATE TABLE tasks (id TEXT, swarm_id TEXT, agent_id TEXT, status TEXT, created_at TEXT,
  completed_at TEXT, strategy TEXT, assigned_agents TEXT);
INSERT INTO swarms VALUES ('s', 'n', '2025-12-06 18:40:00');
INSERT INTO agents VALUES ('a', 's', 'n', 'coder', '2025-12-06 18:40:00');
INSERT INTO tasks VALUES
  ('t', 's', NULL, 'completed', '2024-01-05 10:00:00', '2025-07-06 04:45:46', 'x',
   '["a","b"]'),
  ('u', 's', NULL, 'pending', '2024-01-05 10:00:00', NULL, 'x', '[]');
"""
NEW_HIVE = """
CREATE TABLE swarms (id TEXT, name TEXT, topology TEXT, max_agents INT, created_at TEXT);
CREATE TABLE agents (id TEXT, swarm_id TEXT, type TEXT, performance_score REAL,
  task_count INT, success_rate REAL, created_at TEXT);
CREATE TABLE tasks (id TEXT, swarm_id TEXT, agent_id TEXT, status TEXT, complexity REAL,
  started_at TEXT, completed_at TEXT, created_at TEXT);
CREATE TABLE collective_memory (id TEXT, swarm_id TEXT, key TEXT, created_by TEXT,
  created_at TEXT);
INSERT INTO swarms VALUES ('s', 'n', 'mesh', 8, '2025-12-06 18:40:00');
INSERT INTO tasks VALUES ('t', 's', 'a', 'completed', 0.5, '2025-12-06 18:40:00',
  '2025-12-06 18:41:00', '2025-12-06 18:39:00');
INSERT INTO collective_memory VALUES ('m', 's', 'secret', 'a', '2025-12-06 18:40:00');
"""


def test_a_hive_of_the_first_generation_has_no_makespans(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    done = imported(database(tmp_path / "p/.hive-mind/hive.db", OLD_HIVE))
    (task,) = (r for r in done.records if isinstance(r, Workflow))

    assert (task.agents, task.makespan_s, task.outcome) == (2, None, Outcome.SUCCEEDED)
    assert (done.report.events, done.report.sessions) == (1, 1)


def test_a_hive_of_the_second_generation_says_when_a_task_began(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    done = imported(database(tmp_path / "p/.hive-mind/hive.db", NEW_HIVE))
    (task,) = (r for r in done.records if isinstance(r, Workflow))

    assert (task.agents, task.makespan_s) == (1, 60.0)
    assert "secret" not in json.dumps([record.to_json() for record in done.records])


def test_rows_that_two_hives_number_alike_are_two(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    one = database(tmp_path / "p/.hive-mind/hive.db", NEW_HIVE)
    other = database(
        tmp_path / "q/.hive-mind/hive.db", NEW_HIVE.replace("2025-", "2024-")
    )
    alone = len(imported(one).records)

    assert len(imported(one, other).records) == 2 * alone


def test_a_database_in_use_is_read_and_left_as_it_is(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    path = database(
        tmp_path / "p/.swarm/memory.db", V2_MEMORY, note("hooks:post-edit", EDIT)
    )
    before = path.read_bytes()
    imported(path)

    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["memory.db"]


@pytest.mark.parametrize("name", ["memory.db", "hive.db"])
def test_what_is_no_database_is_refused(
    name: str, tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    path = put(tmp_path / "p" / ".swarm" / name, "not a database at all" * 50)

    assert imported(path).report.refused_files == 1


@pytest.mark.parametrize("name", ["settings.json", "metrics.json", "store.json"])
def test_a_file_that_claude_flow_does_not_write_is_refused(
    name: str, tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    done = imported(put(tmp_path / "elsewhere" / name, {}))

    assert done.reasons == ["not a file that claude-flow writes"]


def test_a_directory_without_its_files_is_an_error(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    with pytest.raises(InputDataError, match="no file of this format"):
        imported(tmp_path)


ODD = {
    "metrics/task-metrics.json": [{"id": "a", "timestamp": "noon"}, 7],
    "metrics/agent-metrics.json": {"coder": {"actions": [7, {"timestamp": -1}]}},
    "routing-outcomes.json": {"outcomes": [7, {"agent": "a", "timestamp": True}]},
    "tasks/store.json": {"tasks": {"a": 7, "b": {"assignedTo": ["x"]}}},
    "agents/store.json": {"agents": {"a": 7, "b": {"createdAt": 1e300}}},
    "daemon-state.json": {"workers": {"a": 7, "b": {"runCount": 1}}},
    "performance/metrics.json": [{"timestamp": MS, "cpu": 7}, 7],
}


@pytest.mark.parametrize("name", ODD)
def test_rows_of_another_shape_are_rejected_one_by_one(
    name: str, tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    done = imported(put(tmp_path / "p" / ".claude-flow" / name, ODD[name]))

    assert (done.report.rejected, done.records) == (2, [])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("routing-outcomes.json", {}),
        ("tasks/store.json", {"tasks": []}),
        ("daemon-state.json", {"workers": None}),
        ("metrics/performance.json", {"totalTasks": 1}),
        ("metrics/performance.json", [1]),
    ],
    ids=["outcomes", "tasks", "daemon", "counters", "list"],
)
def test_a_document_of_another_shape_is_refused(
    name: str, content: object, tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    done = imported(put(tmp_path / "p" / ".claude-flow" / name, content))

    assert (done.report.refused_files, done.records) == (1, [])


def test_shared_memory_of_the_first_generation_is_read(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    schema = """CREATE TABLE shared_memory (key TEXT, namespace TEXT, version INTEGER,
      created_at INTEGER, updated_at INTEGER)"""
    row = ("INSERT INTO shared_memory VALUES ('k', 'n', 3, 0, ?)", (MS // 1000,))
    record = imported(database(tmp_path / "p/.hive-mind/memory.db", schema, row)).only()

    assert (record.version, record.action) == (3, "write")


def test_a_database_without_the_known_tables_is_refused(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    path = database(tmp_path / "p/.swarm/memory.db", "CREATE TABLE other (a)")

    assert imported(path).reasons == ["no table `memory_entries`"]


def test_assigned_agents_that_are_no_list_are_rejected(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    broken = OLD_HIVE.replace('["a","b"]', '["a"')
    done = imported(database(tmp_path / "p/.hive-mind/hive.db", broken))

    assert done.reasons == ["tasks: field `assigned_agents`: not JSON"]


def test_damaged_compressed_data_are_refused(
    tmp_path: Path, imported: Callable[..., Imported]
) -> None:
    path = tmp_path / "p" / ".claude-flow" / "metrics" / "system-metrics.json.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(json.dumps([sample()]).encode())[:-20])

    assert imported(path).reasons == ["compressed data are damaged"]


SMALL = [("novacron", 7_406), ("master-workflow", 2_949)]
"""Distinct samples of two packs, by their data sheet; the others have many more."""


@needs_history
@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "distinct"),
    sampled(SMALL, whole=[*SMALL, ("ruflo", 27_687), ("hccg", 20_213)]),
)
def test_distinct_samples_equal_the_data_sheet(
    source: str, distinct: int, imported: Callable[..., Imported]
) -> None:
    done = imported(HISTORY / "claude-flow" / source)

    assert done.report.load_samples == distinct
