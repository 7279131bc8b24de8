"""At least 2,000 bad inputs over everything that reads what others wrote.

No traceback, no hang, bounded memory, one clear message each, and no planted text in
anything that comes out. Times are CPU times, so that a busy machine fails nothing.
"""

import gzip
import http.client
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.bundle.test_advice import tabulated
from tests.bundle_factory import small_bundle
from tests.hostile import EVENTS, LOGS, PLANTED, SEEDS, TRACES, damaged
from toolkit.bundle import AdviceTable, read_bundle
from toolkit.capture.hook_handler import main as handle
from toolkit.capture.receiver import OtlpReceiver
from toolkit.cli import run
from toolkit.errors import (
    BundleRefusedError,
    SchemaError,
    ToolkitError,
    UsageError,
)
from toolkit.history import RecordStore, compact_store
from toolkit.history.importers import Source, open_source, run_import
from toolkit.history.importers.hooks.spool import join_hooks

pytestmark = pytest.mark.slow

LIMIT_S = 2.0
EACH = 250
"""Damaged inputs for each importer; six importers."""

HANDLED = 300
POSTED = 250
BUNDLES = 150
TABLES = 150
JOINED = 150

MAP = """
kind = "batch"
identity = ["id"]
[columns]
at = "started"
size = "n"
cycle_s = { column = "cycle_ms", unit = "ms" }
[constants]
operation_type = "shell"
provenance = "declared"
"""


@contextmanager
def within_limit() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < LIMIT_S


def importing(name: str, folder: Path) -> Source:
    if name != "table":
        return open_source(name)
    (folder / "map.toml").write_text(MAP)
    return open_source(name, map_path=folder / "map.toml")


def planted_in(folder: Path) -> list[Path]:
    """Files below a folder that hold the planted text, as it is or in UTF-16."""
    words = (PLANTED.encode(), PLANTED.encode("utf-16-le"))
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and any(word in path.read_bytes() for word in words)
    ]


def test_the_suite_has_at_least_two_thousand_inputs() -> None:
    assert EACH * len(SEEDS) + HANDLED + POSTED + BUNDLES + TABLES + JOINED >= 2000


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_importers_take_or_refuse_every_damaged_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    rng = random.Random(f"{name} 1")
    file_name, seed = SEEDS[name]
    source = importing(name, tmp_path)
    file = tmp_path / "in" / file_name
    file.parent.mkdir()
    with RecordStore(tmp_path / "store") as store:
        for number in range(EACH):
            data = damaged(rng, seed)
            file.write_bytes(gzip.compress(data) if number % 10 == 9 else data)
            with within_limit(), suppress(ToolkitError):
                run_import(source, [file], store)
        assert all(len(row["reason"]) < 300 for row in store.rejected())
        store.compact()

    assert not planted_in(tmp_path / "store")
    assert PLANTED not in "".join(capfd.readouterr())


def test_a_damaged_hook_spool_is_joined_line_by_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(7)
    file_name, seed = SEEDS["hooks"]
    live = tmp_path / "hooks" / file_name
    live.parent.mkdir()
    for number in range(JOINED):
        data = damaged(rng, seed)
        with live.open("ab" if number % 4 else "wb") as stream:
            stream.write(data)
        if number % 10 == 9:
            place = live.with_name("joined.json")
            place.write_bytes(damaged(rng, place.read_bytes()))
        with RecordStore(tmp_path) as store, within_limit():
            join_hooks(store)
    live.write_bytes(seed)
    with RecordStore(tmp_path) as store:
        compact_store(store)
        kept = store.dataset.count("batch")

    assert kept >= 3
    assert PLANTED not in "".join(capfd.readouterr())


def test_an_import_of_damaged_files_goes_on_to_the_good_one(tmp_path: Path) -> None:
    rng = random.Random(2)
    for number in range(20):
        (tmp_path / f"a{number}.jsonl").write_bytes(
            damaged(rng, SEEDS["claude-code"][1])
        )
    (tmp_path / "z.jsonl").write_bytes(SEEDS["claude-code"][1])
    with RecordStore(tmp_path / "store") as store:
        report = run_import(open_source("claude-code"), [tmp_path], store)

    assert report.files == 21
    assert report.batches >= 3


@pytest.mark.parametrize("mode", ["plain", "gzip"])
@pytest.mark.parametrize("name", ["claude-code", "hooks", "otlp", "spool"])
def test_a_line_of_100_mb_is_refused_in_bounded_memory(
    tmp_path: Path, name: str, mode: str
) -> None:
    file_name, seed = SEEDS[name]
    bomb = seed + b'{"a": "' + b"x" * (100 * 2**20) + b'"}\n' + seed
    file = tmp_path / file_name
    file.write_bytes(gzip.compress(bomb, 1) if mode == "gzip" else bomb)
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from toolkit.cli import run\n"
        "began = time.process_time()\n"
        "code = run(sys.argv[1:])\n"
        "took = time.process_time() - began\n"
        "status = Path('/proc/self/status').read_text()\n"
        "peak = int(status.split('VmHWM:')[1].split()[0]) // 1024\n"
        "print(code, peak, round(took, 2), file=sys.stderr)\n"
    )
    words = ["records", "import", name, str(file), "--store", str(tmp_path / "s")]
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--json"],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    status, peak_mb, took_s = done.stderr.split()[-3:]

    assert status == "0"
    assert json.loads(done.stdout)["rejected"] >= 1
    assert int(peak_mb) < 300
    assert float(took_s) < LIMIT_S


def test_the_handler_ends_well_on_every_damaged_payload(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(3)
    held = os.dup(0)
    try:
        for number in range(HANDLED):
            data = damaged(rng, json.dumps(EVENTS[number % len(EVENTS)]).encode())
            file = tmp_path / "payload"
            file.write_bytes(data)
            descriptor = os.open(file, os.O_RDONLY)
            os.dup2(descriptor, 0)
            os.close(descriptor)
            with within_limit():
                assert handle(["--store", str(tmp_path / "store")]) == 0
    finally:
        os.dup2(held, 0)
        os.close(held)

    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert not planted_in(tmp_path / "store")


def test_the_receiver_answers_every_damaged_request(tmp_path: Path) -> None:
    rng = random.Random(4)
    statuses: dict[int, int] = {}
    with (
        RecordStore(tmp_path / "store") as store,
        OtlpReceiver(store, port=0) as receiver,
    ):
        for number in range(POSTED):
            seed = json.dumps([TRACES, LOGS][number % 2]).encode()
            kind = rng.choice(["application/json", "application/x-protobuf"])
            headers = {"Content-Type": kind}
            data = damaged(rng, seed)
            if rng.random() < 0.2:
                headers["Content-Encoding"] = "gzip"
                data = damaged(rng, gzip.compress(seed))
            connection = http.client.HTTPConnection("127.0.0.1", receiver.port)
            with within_limit():
                connection.request("POST", "/v1/traces", data, headers)
                answer = connection.getresponse()
                body = answer.read()
            connection.close()
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            assert answer.status == 200 or json.loads(body)["message"]
            assert PLANTED.encode() not in body

    assert set(statuses) <= {200, 400, 413}
    assert not planted_in(tmp_path / "store")


def test_the_bundle_reader_refuses_every_damaged_bundle(tmp_path: Path) -> None:
    rng = random.Random(5)
    good = tmp_path / "good"
    small_bundle(good)
    files = {path.name: path.read_bytes() for path in good.iterdir()}
    for number in range(BUNDLES):
        name = rng.choice(list(files))
        data = damaged(rng, files[name])
        if data == files[name]:
            continue
        folder = tmp_path / f"b{number}"
        folder.mkdir()
        for other, content in files.items():
            (folder / other).write_bytes(content)
        (folder / name).write_bytes(data)
        if name != "manifest.json" and number % 2:
            _sign(folder, name, data)
        with within_limit(), suppress(BundleRefusedError):
            read_bundle(folder)


def _sign(folder: Path, name: str, data: bytes) -> None:
    """Write the altered file's hash to the manifest, as an attacker would."""
    from hashlib import sha256

    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    if name in manifest["files"]:
        manifest["files"][name] = sha256(data).hexdigest()
        path.write_text(json.dumps(manifest))


def test_every_damaged_advice_table_is_read_or_refused() -> None:
    rng = random.Random(6)
    seed = tabulated().dumps()
    for _ in range(TABLES):
        data = damaged(rng, seed)
        with within_limit(), suppress(SchemaError, UsageError):
            AdviceTable.loads(data)


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "nowhere").symlink_to(folder / "gone")
    (folder / "s.jsonl").write_bytes(SEEDS["claude-code"][1])
    with RecordStore(tmp_path / "store") as store:
        report = run_import(open_source("claude-code"), [folder], store)

    assert report.files == 1


def test_a_command_ends_a_bad_input_with_one_line_and_its_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["records", "import", "otlp", str(tmp_path / PLANTED)]
    code = run([*words, "--store", str(tmp_path / "s")])

    assert code == 3
    assert capsys.readouterr().err.count("\n") == 1


def test_memory_stayed_bounded() -> None:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    assert peak_mb < 2000
