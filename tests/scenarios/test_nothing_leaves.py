"""No command opens a socket beyond loopback, or writes outside the folders it is given."""

import argparse
import gzip
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from importlib import metadata
from itertools import islice
from pathlib import Path

import pytest

from tests.bundle_factory import agent_bundle
from tests.experiments.decision_tables import written as decision_table
from tests.hostile import EVENTS, SEEDS, TRACES
from tests.quick_spec import quick_spec
from tests.scenarios.test_hostile_inputs import MAP
from tests.shared import ROOT
from tests.strace import (
    TRACERS,
    Trace,
    needs_a_tracer,
    traced,
    traced_in_turn,
    traced_until,
)
from tests.thorough import sampled
from toolkit.cli import NOUNS, build_parser, run

# Every command runs under a tracer, which stops it at each call of the system.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), needs_a_tracer]

SAMPLE = ROOT / "data" / "sample"
JSON = {"Content-Type": "application/json"}
PYTHON = [sys.executable, "-m", "toolkit"]

SPEC = quick_spec("agent_count")
CHAOS = """
seed = 11
timeout_s = 60.0
calibration = 2
faults = ["sigkill"]
controls = ["plain"]
[[healer]]
name = "engine"
per_fault = 1
per_control = 1
"""
RACE = """
seed = 1
tables = ["synthetic:knee"]
[race]
steps = 10
"""
SWARM = """
seeds = [1]
failures = [0.03]
sizes = [8]
workers = 2
turn_s = 0.01
duration_s = 0.3
explore = 0.0
"""
MADE_UP = """
first = 9702
count = 1
"""
WORLDS = """
seed = 1
worlds = 1
tables = ["synthetic"]
replicates = 200
[gate]
records = [48]
gains = [0.0]
table_groups = [6]
[rules]
replicates = 200
"""

IMPORTS = {
    f"records import {name}": [f"in/{name}/{file}", "--store", "store"]
    for name, (file, _) in SEEDS.items()
}
READING: dict[str, list[str]] = {
    **IMPORTS,
    "records import table": [*IMPORTS["records import table"], "--map", "map.toml"],
    "records import auto": ["--store", "found"],
    "records import spool": ["batches.jsonl", "--store", "store"],
    "records compact": ["--store", "store"],
    "records show": ["--store", "store"],
    "records simulate": ["--store", "made", "--batches", "60", "--events", "9"],
    "records key": ["--store", "made"],
    "records migrate": ["--store", "made"],
    "records backup": ["copy", "--store", "made"],
    "records ship": ["--to", "s3://bucket/prefix", "--store", "made"],
    "records alias": ["--store", "made"],
    "records price": ["--store", "made"],
    "records share": ["private", "--store", "copy"],
    "records retain": ["--days", "9999", "--store", "copy"],
    "records measure": ["--out", "measured", "--quick", "--repeats", "1"],
    "features build": ["batch", "--store", "store", "--out", "table.parquet"],
    "experiment init": ["begun"],
    "model verify": ["bundle"],
    "model card": ["bundle"],
    "model key": [],
    "recommend batch": ["--load-cpu", "0.5"],
    "recommend agents": ["--components", "5", "--bundle", "bundle"],
    "recommend workflow": ["--components", "5", "--bundle", "bundle"],
    "monitor": ["--store", "made"],
    "report objectives": ["--store", "store"],
    "report off-policy": ["--store", "store", "--policy", "size:4"],
    "review": ["--store", "store", "--html", "review.html"],
    "review replay": ["--store", "made", "--policy", "size:4"],
    "completion": ["bash"],
    "doctor": ["--store", "store"],
    "heal demo": ["--speed", "0", "--store", "healed"],
    "heal watch": ["--store", "store", "--once"],
    "heal calibrate": ["--store", "store"],
    "heal chaos": ["chaos/spec.toml"],
    "hooks pre-task": ["--description", "x", "--store", "store"],
    "hooks post-edit": ["--file", "x.py", "--store", "store"],
    "hooks notify": ["--message", "hello", "--store", "store"],
    "hooks post-task": ["--task-id", "x", "--store", "store"],
    "hooks install": ["--project", ".", "--store", "store"],
    "hooks status": ["--project", ".", "--store", "store"],
    "hooks reconcile": ["--store", "hooked", "in/claude-code/session.jsonl"],
    "hooks uninstall": ["--project", ".", "--store", "store"],
}
TRAINING: dict[str, list[str]] = {
    "experiment tune": [
        *("quick.toml", "--store", "flows", "--work", "run", "--workers", "2"),
    ],
    "experiment run": ["quick.toml", "--store", "flows", "--work", "run"],
    "experiment report": ["run"],
    "experiment bench": ["tables", "--quick", "--work", "bench"],
    "experiment suite": ["made-up", "--work", "suite.jsonl"],
    "experiment worlds": ["worlds"],
    "experiment controllers": ["race"],
    "experiment swarm": ["swarm"],
    "experiment init": ["begun"],
    "experiment ab start": ["first", "--rule", "reads", "--store", "store"],
    "experiment ab stop": ["--store", "store"],
    "experiment ab report": ["--store", "store"],
    "experiment retrain": ["--store", "flows", "--spec", "quick.toml"],
    "model export": ["run", "exported"],
    "model promote": ["--store", "flows", "--spec", "quick.toml"],
    "model rollback": ["--store", "flows"],
}
COMMANDS = {**READING, **TRAINING}
"""Commands that are traced one after another in one folder, with their arguments."""

MADE = (
    {"key", "index.sqlite", "generation.json", "review.html"},
    {"mlflow.db", "model.onnx", "MODEL_CARD.md", "state.json", "report.md"},
)
"""Some of what the commands of each list leave behind, their user's alone."""

OTHER_CODES = {
    "experiment ab report": 2,
    "records ship": 2,
    "experiment retrain": 4,
    "review replay": 5,
    "model promote": 4,
    "model rollback": 5,
    "report off-policy": 5,
}
"""Commands that answer that there is nothing to put in force, or too little, or no
credentials to send with (with a server: `tests/engines/test_object_storage.py`)."""

ELSEWHERE = {
    "demo": "`experiment run` twice, then `recommend`",
    "records receive": "below, with a sender",
    "serve": "below, with a sender",
}
"""Commands that are not in the list above."""


def commands(parser: argparse.ArgumentParser, before: str = "") -> Iterator[str]:
    """List the command line's own commands."""
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for action in below:
        for name, inner in action.choices.items():
            yield from commands(inner, f"{before} {name}")
    if not any(action.required for action in below):
        yield before.strip()


def test_every_command_is_traced_or_named_here() -> None:
    known = set(commands(build_parser(list(NOUNS))))

    assert known == {*COMMANDS, *ELSEWHERE}


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A home of its own, and none of the switches that the tests are run with."""
    home = tmp_path / "home"
    home.mkdir()
    # Names of sockets are short: a folder below pytest's would be too deep for them.
    with tempfile.TemporaryDirectory(prefix="t-") as temporary:
        yield {
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "TMPDIR": temporary,
            "LANG": "C.UTF-8",
        }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the commands work on."""
    folder = tmp_path / "work"
    for name, (file, data) in SEEDS.items():
        (folder / "in" / name).mkdir(parents=True)
        (folder / "in" / name / file).write_bytes(data)
    (folder / "hooked").mkdir()
    shutil.copytree(folder / "in" / "hooks", folder / "hooked" / "hooks")
    (folder / "map.toml").write_text(MAP)
    (folder / "quick.toml").write_text(SPEC)
    for name, spec in {
        "chaos": CHAOS,
        "race": RACE,
        "swarm": SWARM,
        "worlds": WORLDS,
        "made-up": MADE_UP,
    }.items():
        (folder / name).mkdir()
        (folder / name / "spec.toml").write_text(spec)
    decision_table(folder / "tables", groups=3, problems=3)
    for name, lines in {"batches": 300, "workflows": 1000}.items():
        with gzip.open(SAMPLE / f"{name}.jsonl.gz", "rt") as stream:
            (folder / f"{name}.jsonl").write_text("".join(islice(stream, lines)))
    agent_bundle(folder / "bundle", expires_at=datetime(2100, 1, 1, tzinfo=UTC))
    return folder


def is_known(path: str, home: Path) -> bool:
    """Whether a path is matplotlib's list of fonts, or Python's compiled code."""
    fonts = rf"{home}/\.(cache|config)(/matplotlib(/.*)?)?"
    code = r".*/__pycache__(/.*)?"
    return re.fullmatch(f"{fonts}|{code}", path) is not None


def problems(
    trace: Trace, name: str, environment: dict[str, str], code: int = 0
) -> list[str]:
    """Name what a command did that it may not."""
    home = Path(environment["HOME"])
    outside = [
        path
        for path in trace.outside(home.parent / "work", Path(environment["TMPDIR"]))
        if not is_known(path, home)
    ]
    found = [f"{name}: {what}" for what in (*sorted(trace.addresses), *outside)]
    if trace.code != code or "Traceback" in trace.said:
        found.append(f"{name}: code {trace.code}, {trace.said[-500:]}")
    return found


Run = Callable[[list[str]], Trace]
NEVER_FORKED = {"features build"}
"""Reads Parquet, for which pyarrow starts threads when it is imported."""


@contextmanager
def each_apart(folder: Path, log: Path, environment: dict[str, str]) -> Iterator[Run]:
    """Run each command as a person does: in a process that imports what it needs."""
    yield lambda words: traced(
        [*PYTHON, *words], cwd=folder, log=log, environment=environment
    )


@contextmanager
def each_forked(folder: Path, log: Path, environment: dict[str, str]) -> Iterator[Run]:
    """Run each command in a fork: what most of them import, they import once."""
    program = [sys.executable, "-m", "tests.scenarios.commands_in_turn"]
    known = {**environment, "PYTHONPATH": str(ROOT)}
    apart = log.with_name("apart.log")
    with (
        traced_in_turn(program, cwd=folder, log=log, environment=known) as forked,
        each_apart(folder, apart, environment) as run_apart,
    ):
        yield lambda words: (
            run_apart if " ".join(words[:2]) in NEVER_FORKED else forked
        )(words)


COMMANDS_RUN = sampled(each_forked, whole=each_apart)


@pytest.mark.parametrize("listed", [READING, TRAINING], ids=["reading", "training"])
def test_no_command_connects_or_writes_outside_its_folders(
    tmp_path: Path,
    folder: Path,
    environment: dict[str, str],
    listed: dict[str, list[str]],
) -> None:
    file, data = SEEDS["claude-code"]
    logs = tmp_path / "home" / ".claude" / "projects" / "p"
    logs.mkdir(parents=True)
    (logs / file).write_bytes(data)
    flows = ["records", "import", "spool", str(folder / "workflows.jsonl")]
    assert run([*flows, "--store", str(folder / "flows")]) == 0
    before, found = set(folder.rglob("*")), []
    with COMMANDS_RUN(folder, tmp_path / "strace.log", environment) as run_one:
        for name, words in listed.items():
            trace = run_one([*name.split(), *words])
            found += problems(trace, name, environment, OTHER_CODES.get(name, 0))

    assert found == []
    made = set(folder.rglob("*")) - before
    assert {path.name for path in made} >= MADE[listed is TRAINING]
    open_to_others = {path.name for path in made if path.lstat().st_mode & 0o077}
    assert open_to_others <= {"served_model.py"}  # a copy of the toolkit's own code


@pytest.mark.parametrize("advice", ["off", "on"])
def test_an_installed_hook_writes_in_its_store(
    tmp_path: Path, folder: Path, environment: dict[str, str], advice: str
) -> None:
    handler = ROOT / "toolkit" / "capture" / "hook_handler.py"
    words = [sys.executable, "-I", "-S", str(handler), "--store", "hooked"]
    for event in EVENTS:
        trace = traced(
            [*words, "--advice", advice, "--bundle", "bundle"],
            cwd=folder,
            log=tmp_path / "strace.log",
            environment=environment,
            stdin=json.dumps(event),
        )

        assert problems(trace, event["hook_event_name"], environment) == []


@pytest.mark.parametrize(
    "words",
    [
        ["monitor", "--store", "made", "--follow", "--interval", "0.1"],
        ["heal", "watch", "--store", "made", "--interval", "0.1"],
    ],
    ids=["monitor", "watch"],
)
def test_a_follower_only_reads(
    tmp_path: Path, folder: Path, environment: dict[str, str], words: list[str]
) -> None:
    made = ["records", "simulate", "--store", str(folder / "made"), "--events", "9"]
    assert run(made) == 0
    log = tmp_path / "strace.log"
    with traced_until(
        [*PYTHON, *words], cwd=folder, log=log, environment=environment
    ) as (wait_for, interrupted):
        wait_for("\n")
        trace = interrupted()

    assert problems(trace, words[0], environment, code=130) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["records", "receive"], "receiving on http://127.0.0.1:"),
        (["serve", "--bundle", "bundle"], "serving on http://127.0.0.1:"),
    ],
    ids=["receive", "serve"],
)
def test_a_receiver_talks_to_its_sender_alone(
    tmp_path: Path,
    folder: Path,
    environment: dict[str, str],
    words: list[str],
    says: str,
) -> None:
    words = [*words, "--store", "sent", "--port", "0"]
    log = tmp_path / "strace.log"
    with traced_until(
        [*PYTHON, *words], cwd=folder, log=log, environment=environment
    ) as (wait_for, interrupted):
        said = wait_for(says)
        port = int(said.rsplit(":", 1)[1].split()[0])
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/v1/traces", json.dumps(TRACES), JSON)
        assert connection.getresponse().status == 200
        connection.close()
        trace = interrupted()

    assert problems(trace, "receive", environment) == []
    assert (folder / "sent").is_dir()


IMPORT_ALL = """
from contextlib import suppress
from importlib import import_module, metadata
from toolkit.environment import silence_telemetry
silence_telemetry()
shipped = set(NAMES)
for module, packages in metadata.packages_distributions().items():
    if shipped & {name.lower().replace("_", "-") for name in packages}:
        with suppress(ImportError):  # a part of a package that needs another
            import_module(module)
"""


def needed(*extras: str) -> set[str]:
    """Names of the packages that the project needs, of some extras or of all."""
    lines = metadata.requires("workflow-toolkit") or []
    return {
        re.split(r"[^A-Za-z0-9_.-]", line)[0].lower()
        for line in lines
        if not extras
        or "extra ==" not in line
        or re.search(f"extra == .({'|'.join(extras)}).", line)
    }


def test_importing_every_dependency_connects_nowhere_and_leaves_nothing(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    names = needed("research", "report", "money", "telemetry") - {"jupyter"}
    assert {"onnxruntime", "mlflow", "optuna", "duckdb"} <= names
    trace = traced(
        [sys.executable, "-W", "ignore", "-c", f"NAMES = {sorted(names)}{IMPORT_ALL}"],
        cwd=ROOT,
        log=tmp_path / "strace.log",
        environment=environment,
    )

    assert problems(trace, "imports", environment) == []


def test_security_names_every_dependency() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    section = text.partition("**Dependencies.**")[2].partition("**Kept in clear**")[0]

    assert needed() - set(re.findall(r"`([a-z0-9-]+)`", section)) == set()


@pytest.mark.parametrize("tracer", TRACERS)
def test_the_trace_would_see_all_of_it(
    tmp_path: Path, environment: dict[str, str], tracer: str
) -> None:
    code = (
        "import pathlib, socket, threading\n"
        "def reach(address, port):\n"
        "    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "    s.connect((address, port))\n"
        "reach('192.0.2.1', 9)\n"
        "thread = threading.Thread(target=reach, args=('127.0.0.53', 53))\n"
        "thread.start(); thread.join()\n"
        "home = pathlib.Path.home()\n"
        "home.joinpath('left').write_text('x')\n"
        "home.joinpath('left').rename(home / 'moved')\n"
        "home.joinpath('folder').mkdir()\n"
        "import sqlite3\n"  # which opens its files in C
        "sqlite3.connect(home / 'database').execute('create table t (x)')\n"
    )
    trace = traced(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        log=tmp_path / "strace.log",
        environment=environment,
        tracer=tracer,
    )

    home = tmp_path / "home"
    assert trace.addresses == {"192.0.2.1", "127.0.0.53"}
    left = ("database", "database-journal", "folder", "left", "moved")
    assert trace.outside(tmp_path / "work") == [str(home / name) for name in left]


def test_a_question_for_a_name_is_seen_without_strace(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    if "preload" not in TRACERS:
        pytest.skip("no C compiler")
    code = (
        "import socket\n"
        "for name in ('localhost', '127.0.0.1', 'name.invalid'):\n"
        "    try:\n"
        "        socket.getaddrinfo(name, 80)\n"
        "    except OSError:\n"
        "        pass\n"
    )
    trace = traced(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        log=tmp_path / "strace.log",
        environment=environment,
        tracer="preload",
    )

    assert trace.addresses == {"name.invalid"}
