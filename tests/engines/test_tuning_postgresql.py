"""Studies in a real PostgreSQL, filled by processes that are killed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest
import sqlalchemy

from tests.engines.postgresql import PASSWORD, PostgreSQL, free_port
from tests.measured_history import batch_store
from tests.shared import ROOT
from toolkit.cli import run
from toolkit.experiments.tuning.studies_storage import (
    OPENING,
    checked_address,
    open_studies,
)

psycopg = pytest.importorskip(
    "psycopg", reason="psycopg is not installed (extra `postgres`)"
)
pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

PROGRAM = [sys.executable, "-m", "tests.experiments.tuning.slow_study"]
SPEC = """
name = "shared"
decision = "batch_size"
question = "Which?"
[split]
outer_folds = 4
inner_folds = 2
[search]
trials = 1
members = ["constant", "rule"]
"""


@pytest.fixture
def url(postgresql: PostgreSQL) -> str:
    """A database of the test's own."""
    return postgresql.new_database(f"t{uuid.uuid4().hex[:12]}")


def started(*words: str, before: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*before, *PROGRAM, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def answer(process: "subprocess.Popen[str]") -> dict[str, Any]:
    said, _ = process.communicate()
    assert process.returncode == 0
    return dict(json.loads(said))


def states(url: str) -> list[str]:
    """List the states of all trials, none before there is a study.

    Asked of the server itself, which is quick: a busy machine has finished a study while
    Optuna opens it.
    """
    with psycopg.connect(url) as connection:
        (table,) = connection.execute("SELECT to_regclass('trials')").fetchone() or [""]
        found = connection.execute("SELECT state::text FROM trials") if table else []
        return [state for (state,) in found]


def finished(url: str) -> int:
    found = states(url)
    return found.count("COMPLETE") + found.count("PRUNED")


def wait_until_finished(url: str, trials: int, *processes: Any) -> None:
    while finished(url) < trials:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.1)


def workers_of(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """List the workers of a command: forked by the server that it started."""
    return [
        worker
        for child in psutil.Process(process.pid).children()
        for worker in child.children()
    ]


def test_four_processes_share_one_study_and_one_budget(url: str) -> None:
    found = answer(started(url, "--budget", "24", "--workers", "4"))

    assert finished(url) == found["finished"] == 24
    assert found["failed"] == 0
    assert 1 < len(found["workers"]) <= 4
    assert sum(found["workers"]) == 24


def test_workers_that_are_killed_leave_the_study_with_exactly_its_budget(
    url: str,
) -> None:
    process = started(url, "--budget", "32", "--workers", "4", "--pause", "0.5")
    chosen = random.Random(5)
    kills = 0
    for done in range(1, 28, 3):
        wait_until_finished(url, done, process)
        victims = workers_of(process)
        if victims:
            chosen.choice(victims).send_signal(
                chosen.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
            )
            kills += 1
    found = answer(process)

    assert kills > 4
    assert finished(url) == found["finished"] == 32
    assert "RUNNING" not in states(url)
    assert found["failed"] == states(url).count("FAIL") <= kills


namespaces = pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run(
        ["unshare", "--pid", "--fork", "true"], check=False, capture_output=True
    ).returncode
    != 0,
    reason="process namespaces, which stand for another machine, need root",
)
OTHER_MACHINE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@namespaces
def test_another_machine_joins_and_ends_what_the_first_began(url: str) -> None:
    words = ("--budget", "20", "--workers", "2", "--patience", "3", "--pause", "0.5")
    first = started(url, *words)
    wait_until_finished(url, 3, first)
    second = started(url, *words, "--join", before=OTHER_MACHINE)
    wait_until_finished(url, 8, first, second)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()  # closes its pipe
    found = answer(second)

    assert finished(url) == found["finished"] == 20
    assert "RUNNING" not in states(url)
    assert found["failed"] >= 1
    assert len(found["workers"]) >= 3


@namespaces
def test_a_machine_that_froze_and_came_back_adds_nothing_twice(url: str) -> None:
    words = ("--budget", "16", "--workers", "2", "--patience", "3", "--pause", "0.5")
    first = started(url, *words, before=OTHER_MACHINE)
    wait_until_finished(url, 2, first)
    frozen = psutil.Process(first.pid).children(recursive=True)
    for each in frozen:
        each.suspend()
    second = started(url, *words, "--join")
    found = answer(second)
    for each in frozen:
        each.resume()
    woken = answer(first)

    assert finished(url) == found["finished"] == woken["finished"] == 16
    assert "RUNNING" not in states(url)


@pytest.mark.timeout(120)
def test_who_stops_within_a_transaction_keeps_no_lock(url: str) -> None:
    address = checked_address(url)
    with open_studies(address, patience_s=1) as frozen:
        study = optuna.create_study(study_name="s", storage=frozen)
        held = frozen._backend.engine.connect()  # type: ignore[attr-defined] # of Optuna's cache
        held.execute(sqlalchemy.text("SELECT 1 FROM studies FOR UPDATE"))
        with open_studies(address) as storage:
            optuna.load_study(study_name="s", storage=storage).enqueue_trial({})

        with pytest.raises(sqlalchemy.exc.DBAPIError, match="idle-in-transaction"):
            held.execute(sqlalchemy.text("SELECT 1"))
        held.close()
        assert [trial.state.name for trial in study.get_trials()] == ["WAITING"]


@pytest.mark.timeout(60)
def test_who_freezes_while_it_opens_keeps_no_one_out(url: str) -> None:
    address = checked_address(url)
    with open_studies(address):
        pass
    with psycopg.connect(url) as frozen:
        frozen.execute(f"SELECT pg_advisory_lock({OPENING})")
        with open_studies(address) as storage:
            optuna.create_study(study_name="s", storage=storage)

    assert states(url) == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose sizes were not assigned: three studies of four trials."""
    made = tmp_path_factory.mktemp("tuned")
    batch_store(made / "store", groups=4, contexts=False).close()
    (made / "spec.toml").write_text(SPEC)
    return made


def words(folder: Path, verb: str, url: str) -> list[str]:
    return [
        *("experiment", verb, str(folder / "spec.toml"), "--storage", url),
        *("--store", str(folder / "store"), "--work", str(folder / "work"), "--json"),
    ]


def test_an_experiment_uses_what_was_tuned_and_keeps_no_password(
    folder: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words(folder, "tune", url), "--workers", "2"]) == 0
    tuned = json.loads(capsys.readouterr().out)
    before = json.dumps(trials_in(url))
    assert run(words(folder, "run", url)) == 0
    said = capsys.readouterr()

    assert tuned["finished"] == 12
    assert tuned["storage"] == url.replace(f"toolkit:{PASSWORD}@", "")
    assert json.dumps(trials_in(url)) == before
    assert json.loads(said.out)["tuned"]["rule"]["trials"] == 4
    assert not (folder / "work" / "optuna.journal").exists()
    files = [path for path in (folder / "work").rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []
    assert PASSWORD not in said.out + said.err


def trials_in(url: str) -> list[list[str]]:
    with open_studies(checked_address(url)) as storage:
        return [
            [name, *(str(trial.values) for trial in study.trials)]
            for name in sorted(optuna.get_all_study_names(storage))
            for study in [optuna.load_study(study_name=name, storage=storage)]
        ]


def refusal(folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Tune, which is refused with one error and 3; return it, without the progress."""
    code = run(words(folder, "tune", url))
    said = capsys.readouterr()
    assert code == 3, said.err
    assert said.out == ""
    lines = [line for line in said.err.splitlines() if line.startswith("toolkit:")]
    assert len(lines) == 1, lines
    assert PASSWORD not in said.err
    assert "Traceback" not in said.err
    return lines[0]


def test_a_wrong_password_is_one_message(
    folder: Path, postgresql: PostgreSQL, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = postgresql.url("postgres", password="wr0ng-one")  # noqa: S106 - it is wrong
    said = refusal(folder, wrong, capsys)

    assert "refuses the user's password" in said
    assert "wr0ng" not in said


def test_a_database_that_is_not_there_is_one_message(
    folder: Path, postgresql: PostgreSQL, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(folder, postgresql.url("nowhere"), capsys)

    assert "has no such database" in said


def test_a_server_that_is_not_there_is_one_message(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"127.0.0.1:{free_port()}/studies"
    said = refusal(folder, f"postgresql://toolkit:{PASSWORD}@{address}", capsys)

    assert f"postgresql://{address}: field `--storage`: cannot be reached" in said


def test_a_password_that_is_cut_at_the_wrong_place_is_not_shown(
    folder: Path, postgresql: PostgreSQL, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = postgresql.url("studies", password="p@ss/wr0ng")  # noqa: S106 - not escaped
    said = refusal(folder, cut, capsys)

    assert "%40" in said
    assert "wr0ng" not in said


def test_tables_of_another_revision_are_one_message(
    folder: Path,
    url: str,
    postgresql: PostgreSQL,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with open_studies(checked_address(url)):
        pass
    postgresql.ask(
        "UPDATE alembic_version SET version_num = 'v99.0.0.a'", url.rpartition("/")[2]
    )
    said = refusal(folder, url, capsys)

    assert "another version of Optuna, or another program's tables" in said


def test_connections_that_the_server_cuts_are_made_again(
    url: str, postgresql: PostgreSQL
) -> None:
    process = started(url, "--budget", "16", "--workers", "2", "--pause", "0.3")
    wait_until_finished(url, 4, process)
    postgresql.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        url.rpartition("/")[2],
    )
    found = answer(process)

    assert finished(url) == found["finished"] == 16
