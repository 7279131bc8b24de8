"""What a team keeps to itself is in no store, output, tracking database, bundle or page.

Secrets are planted in everything that the importers read: prompts, commands, results,
paths, addresses and tokens as values, as names of fields that no importer knows, as ids,
and in names of files. Afterwards everything that was written is searched.
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.hostile import EVENTS, SEEDS
from tests.scenarios.test_hostile_inputs import MAP
from tests.scenarios.test_nothing_leaves import SPEC
from tests.shared import ROOT
from toolkit.capture.hook_handler import reduce_event
from toolkit.cli import run

# A store goes through every command that lets something out.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EMAIL = "erika.musterfrau@example.org"
SECRETS = {
    "path": "/home/musterfrau/quince-project/payroll-plan.py",
    "command": "curl --data @dossier https://quince.example",
    "prompt": "write to the walnut committee",
    "result": "the walnut committee has answered",
    "token": "ghp_0Medlar0Medlar0Medlar0Medlar",
    "email": EMAIL,
    "branch": "feature/mulberry-merger",
}
WORDS = ("musterfrau", "quince", "payroll", "dossier", "walnut", "medlar", "mulberry")
"""What is searched for: each is in a secret, and in nothing else."""

TEXTS = {
    **dict.fromkeys(("content", "text", "prompt", "message", "description"), "prompt"),
    **dict.fromkeys(("output", "result", "error", "stdout"), "result"),
    **dict.fromkeys(("command", "cmd", "arguments"), "command"),
    **dict.fromkeys(("cwd", "file_path", "path", "directory", "project"), "path"),
    **dict.fromkeys(("gitBranch", "branch"), "branch"),
}
"""Fields that hold what a team says and does, and what is planted there."""

IDS = (
    *("sessionId", "session_id", "agent_id", "agentId", "projectHash", "parentUuid"),
    *("teammate_name", "slug", "uuid", "userId", "user"),
)
"""Fields whose values a person may have chosen."""

PERSON = {"USER": "musterfrau", "LOGNAME": "musterfrau", "USERNAME": "musterfrau"}


def planted(document: Any) -> Any:
    """Plant secrets in a document: known fields, ids, and fields of no importer."""
    if isinstance(document, dict):
        found = {key: _planted(key, value) for key, value in document.items()}
        return {**found, **{f"x_{name}": text for name, text in SECRETS.items()}}
    if isinstance(document, list):
        return [planted(value) for value in document]
    return document


def _planted(key: str, value: Any) -> Any:
    if isinstance(value, str):
        if key in TEXTS:
            return SECRETS[TEXTS[key]]
        if key in IDS:
            return f"{hashlib.sha1(value.encode()).hexdigest()[:4]}{EMAIL}"  # noqa: S324 - tells ids apart
        with contextlib.suppress(ValueError):  # calls of some agents hold JSON in text
            inner = json.loads(value)
            if isinstance(inner, dict):
                return json.dumps(planted(inner))
    return planted(value)


def seed(name: str) -> bytes:
    """Plant secrets in the valid file of an importer."""
    data = SEEDS[name][1]
    if name == "table":
        return data.replace(b"id,", b"comment,id,").replace(
            b"\n1,", f"\n{SECRETS['prompt']},{EMAIL},".encode()
        )
    if name == "hooks":
        events = [planted(event) for event in EVENTS]
        rows = [reduce_event(event, b"k" * 32, n) for n, event in enumerate(events)]
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    if SEEDS[name][0].endswith(".jsonl"):
        lines = [planted(json.loads(line)) for line in data.splitlines()]
        if name == "spool":  # a record holds no field but its own
            lines = [
                {**json.loads(line), "session_id": EMAIL} for line in data.splitlines()
            ]
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return json.dumps(planted(json.loads(data))).encode()


def damaged(data: bytes) -> bytes:
    """End a file in a line that is rejected, with a secret in it."""
    return (
        data + json.dumps(SECRETS).encode() + b"\n{" + SECRETS["token"].encode() + b"\n"
    )


def contents(folder: Path) -> Iterator[tuple[Path, str]]:
    """Give all that is written below a folder as text, names included."""
    for path in sorted(folder.rglob("*")):
        yield path, str(path.relative_to(folder))
        if not path.is_file():
            continue
        data = path.read_bytes()
        yield path, data.decode("latin-1") + data.decode("utf-16-le", "ignore")
        if path.suffix == ".gz":
            yield path, gzip.decompress(data).decode("latin-1")
        elif path.suffix == ".parquet":
            yield path, str(pq.read_table(path).to_pylist())
        elif data.startswith(b"SQLite format 3"):
            with contextlib.closing(sqlite3.connect(path)) as database:
                yield path, "\n".join(database.iterdump())


def leaks(folder: Path) -> list[str]:
    """List the words of secrets, and hashes of them that need no key, in a folder."""
    hashes = [
        hashlib.new(kind, text.encode()).hexdigest()[:12]
        for kind in ("md5", "sha1", "sha256", "blake2b")
        for text in SECRETS.values()
    ]
    return [
        f"{path}: {word}"
        for path, text in contents(folder)
        for word in (*WORDS, *hashes)
        if word in text.lower()
    ]


def command(*words: str) -> str:
    """Run a command in this process; give what it printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        run([*words])
    return out.getvalue()


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store into which every importer has read its file, damaged lines included."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (tmp_path / "map.toml").write_text(MAP)
    for name, (file, _) in SEEDS.items():
        folder = tmp_path / "in" / "quince-project" / name
        folder.mkdir(parents=True)
        (folder / file).write_bytes(seed(name))
        paths = [str(folder / file)]
        if file.endswith(".jsonl"):
            refused = folder / f"{EMAIL}.jsonl"
            refused.write_bytes(damaged(b""))
            paths.append(str(refused))
        more = ["--map", str(tmp_path / "map.toml")] if name == "table" else []
        said = command("records", "import", name, *paths, "--store", "store", *more)
        for path in paths:  # which a person typed
            said = said.replace(path, "FILE")
        (work / f"import-{name}.txt").write_text(said)
    return work


def test_every_importer_took_what_was_planted(work: Path) -> None:
    rejected = (work / "store" / "rejected" / "live.jsonl").read_text()

    for name in SEEDS:
        said = (work / f"import-{name}.txt").read_text()
        added = [line for line in said.splitlines() if line.startswith("| added")]
        assert added
        assert int(added[0].split("|")[2]) > 0, name
    assert "hidden-" in rejected


def test_no_command_shows_or_writes_what_was_planted(work: Path) -> None:
    store = ["--store", "store"]
    for number, words in enumerate(
        [
            ["records", "show", *store, "--json"],
            ["records", "compact", *store],
            ["records", "show", *store],
            ["monitor", *store, "--once"],
            ["monitor", *store, "--json"],
            ["heal", "watch", *store, "--once", "--json"],
            ["report", "objectives", *store, "--json"],
            ["features", "build", "batch", *store, "--out", "batch.parquet"],
            ["features", "build", "batch", *store, "--out", "batch.csv"],
            ["features", "build", "workflow", *store, "--out", "workflow.csv"],
            ["review", *store, "--no-import", "--html", "review.html"],
            ["review", *store, "--no-import", "--json"],
            ["review", *store, "--no-import", "--by", "project", "--by", "branch"],
            ["review", *store, "--no-import", "--by", "agent", "--advice"],
            ["hooks", "pre-task", "--description", SECRETS["prompt"], *store],
            ["hooks", "post-edit", "--file", SECRETS["path"], *store],
        ]
    ):
        (work / f"said-{number}.txt").write_text(command(*words))

    said = "".join(path.read_text() for path in work.glob("said-*.txt"))
    assert "Traceback" not in said
    assert (work / "review.html").stat().st_size > 10_000
    assert leaks(work) == []


def test_an_experiment_keeps_its_user_and_ids_to_itself(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "quick.toml").write_text(SPEC)
    with gzip.open(ROOT / "data/sample/workflows.jsonl.gz", "rt") as stream:
        rows = [json.loads(line) for line in islice(stream, 150)]
    for row in rows:
        row["session_id"] = f"{row['session_id'][:4]}{EMAIL}"
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "flows.jsonl").write_text(lines)
    home = tmp_path / "home" / "musterfrau"
    home.mkdir(parents=True)
    for words in (
        ["records", "import", "spool", "../flows.jsonl", "--store", "store"],
        ["experiment", "run", "../quick.toml", "--store", "store", "--work", "run"],
        ["model", "card", "run/bundle"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "toolkit", *words],
            cwd=work,
            env={**os.environ, **PERSON, "HOME": str(home)},
            capture_output=True,
            text=True,
            check=True,
        )
        (work / f"said-{words[0]}.txt").write_text(done.stdout + done.stderr)

    texts = dict(contents(work / "run"))
    assert any(path.name == "mlflow.db" for path in texts)
    assert any(path.name == "MODEL_CARD.md" for path in texts)
    assert leaks(work) == []
    assert [p for p, text in contents(work / "run") if sys.executable in text] == []


def test_the_search_would_find_each_word(tmp_path: Path) -> None:
    for name, text in SECRETS.items():
        (tmp_path / f"{name}.bin").write_bytes(text.encode("utf-16-le"))
    with contextlib.closing(sqlite3.connect(tmp_path / "d.db")) as database:
        database.execute("create table t (x)")
        digest = hashlib.sha256(EMAIL.encode()).hexdigest()
        database.execute("insert into t values (?)", (digest,))
        database.commit()

    assert len(leaks(tmp_path)) >= len(SECRETS) + 1
