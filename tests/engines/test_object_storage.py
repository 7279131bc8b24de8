"""A store on object storage, on a real S3 server of this machine."""

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count, islice
from pathlib import Path

import pytest

from tests.engines.s3_server import BUCKET, Gate, environment, serving
from tests.history.objects.contract import CHECKS
from tests.history.objects.swarm import batches, cache, compacted, known, machine
from tests.quick_spec import quick_spec
from tests.shared import ROOT
from tests.strace import needs_a_tracer, traced
from toolkit.errors import InputDataError
from toolkit.history import ObjectAddress, open_objects, ship
from toolkit.history.objects.base import Objects
from toolkit.history.objects.reading import ObjectDataset

pytest.importorskip("obstore", reason="the extra `s3` is not installed")

from tests.engines.s3_work import Victim, compacting, shipping

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

MOST_REQUESTS = 80
KILLED = -9
prefixes = count()


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with serving() as port:
        yield port


@pytest.fixture
def address() -> ObjectAddress:
    return _fresh()


def _fresh() -> ObjectAddress:
    return ObjectAddress(BUCKET, f"store-{next(prefixes)}/of a".replace(" ", "-"))


def opened(address: ObjectAddress, port: int) -> Objects:
    return open_objects(address, environment(port))


def ids(first: int, last: int) -> list[str]:
    return sorted(row.record_id for row in batches(first, last))


@pytest.fixture(scope="module")
def shipped(server: int, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What two machines shipped: a commit of 0 to 8, segments with 9 to 11 and 6 to 14."""
    folder = tmp_path_factory.mktemp("machines")
    objects = opened(_fresh(), server)
    ship(machine(folder / "one", batches(0, 9)), objects)
    compacted(objects, folder / "cache", kept_s=0)
    ship(machine(folder / "one", batches(9, 12)), objects)
    ship(machine(folder / "two", batches(6, 15)), objects)
    folders = ("log", "parts", "segments", "store")
    entries = [entry for folder in folders for entry in objects.list(folder)]
    return {entry.name: objects.read(entry.name) for entry in entries}


def copied(shipped: dict[str, bytes], address: ObjectAddress, port: int) -> Objects:
    """Put the same objects below another prefix."""
    objects = opened(address, port)
    for name, data in shipped.items():
        objects.create(name, data)
    return objects


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_server_does_what_objects_promise(
    server: int,
    address: ObjectAddress,
    check: Callable[[Objects, Path], None],
    tmp_path: Path,
) -> None:
    check(opened(address, server), tmp_path)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_compaction_killed_at_any_request_loses_nothing(
    server: int, shipped: dict[str, bytes], tmp_path: Path, after: bool
) -> None:
    for at in range(1, MOST_REQUESTS):
        address, work = _fresh(), tmp_path / str(at)
        objects = copied(shipped, address, server)
        with Gate(server, at, after=after, cut=True) as gate:
            victim = Victim(
                compacting, str(address), environment(gate.port), work / "victim"
            )
            gate.do = victim.kill
            code = victim.run()
        found = known(objects, tmp_path / "reader")
        compacted(objects, tmp_path / "other", kept_s=0)
        again = known(objects, tmp_path / "reader")

        assert (at, found, again) == (at, ids(0, 15), ids(0, 15))
        if code != KILLED:
            assert (code, len(gate.requests)) == (0, at - 1)
            assert at > 20
            return
    pytest.fail("a compaction never ended")


def _meanwhile(
    objects: Objects, work: Path, seen: list[list[str]], dying: "Victim | None"
) -> None:
    """Read, compact, ship and compact while another compaction stands still."""
    seen.append(known(objects, work / "reader"))
    compacted(objects, work / "other", kept_s=0)
    ship(machine(work / "three", batches(15, 18)), objects)
    compacted(objects, work / "other", kept_s=0)
    seen.append(known(objects, work / "reader"))
    if dying is not None:
        dying.kill()


@pytest.mark.parametrize("dies", [False, True], ids=["goes on", "dies"])
def test_two_compactions_that_meet_at_any_request_lose_nothing(
    server: int, shipped: dict[str, bytes], tmp_path: Path, dies: bool
) -> None:
    for at in range(1, MOST_REQUESTS):
        address, work = _fresh(), tmp_path / str(at)
        objects = copied(shipped, address, server)
        seen: list[list[str]] = []

        with Gate(server, at, cut=dies) as gate:
            victim = Victim(
                compacting, str(address), environment(gate.port), work / "victim"
            )
            gate.do = partial(_meanwhile, objects, work, seen, victim if dies else None)
            code = victim.run()
        assert (at, code) == (at, KILLED if dies and seen else 0)
        if not seen:
            assert at > 20
            return
        found = known(objects, tmp_path / "reader")
        compacted(objects, tmp_path / "last", kept_s=0)
        again = known(objects, tmp_path / "reader")

        assert (at, *seen) == (at, ids(0, 15), ids(0, 18))
        assert (at, found, again) == (at, ids(0, 18), ids(0, 18))
    pytest.fail("a compaction never ended")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_shipment_killed_at_any_request_is_taken_up_again(
    server: int, tmp_path: Path, after: bool
) -> None:
    for at in range(1, MOST_REQUESTS):
        address = _fresh()
        objects = opened(address, server)
        root = machine(tmp_path / f"one{at}", batches(0, 9))
        with Gate(server, at, after=after, cut=True) as gate:
            victim = Victim(shipping, str(address), environment(gate.port), root)
            gate.do = victim.kill
            code = victim.run()
        ship(machine(root, batches(9, 11)), objects)

        assert (at, known(objects, tmp_path / "reader")) == (at, ids(0, 11))
        if code != KILLED:
            assert code == 0
            assert at > 4
            return
    pytest.fail("a shipment never ended")


@pytest.mark.parametrize("after", [False, True], ids=["request", "answer"])
def test_a_lost_connection_at_any_request_does_no_harm(
    server: int, shipped: dict[str, bytes], tmp_path: Path, after: bool
) -> None:
    for at in range(1, MOST_REQUESTS):
        address = _fresh()
        objects = copied(shipped, address, server)
        with Gate(server, at, after=after, cut=True) as gate:
            compacted(opened(address, gate.port), tmp_path / f"cache{at}", kept_s=0)
        assert (at, known(objects, tmp_path / "reader")) == (at, ids(0, 15))
        if len(gate.requests) < at:
            assert at > 20
            return
    pytest.fail("a compaction never ended")


def test_machines_compactions_and_readers_at_once_lose_nothing(
    server: int, address: ObjectAddress, tmp_path: Path
) -> None:
    machines, rounds = 4, 6
    acknowledged: set[str] = set()

    def send(number: int) -> None:
        for turn in range(rounds):
            first = (number * rounds + turn) * 3
            # The last record of each is the first of another machine's.
            root = machine(tmp_path / f"machine{number}", batches(first, first + 4))
            ship(root, opened(address, server))
            acknowledged.update(ids(first, first + 4))

    def merge(number: int) -> None:
        rng = random.Random(number)
        while len(acknowledged) < machines * rounds * 3 + 1:
            compacted(
                opened(address, server),
                tmp_path / f"cache{number}",
                kept_s=rng.choice([0, 900]),
            )

    def read(number: int) -> int:
        looks = 0
        while len(acknowledged) < machines * rounds * 3 + 1:
            before = set(acknowledged)
            try:
                found = known(opened(address, server), tmp_path / f"reader{number}")
            except InputDataError as error:
                if "run again" in str(error):
                    continue  # compacted several times meanwhile
                raise
            assert before <= set(found)
            assert len(found) == len(set(found))
            looks += 1
        return looks

    ship(machine(tmp_path / "machine0", batches(0, 1)), opened(address, server))
    with ThreadPoolExecutor(machines + 4) as pool:
        jobs = [pool.submit(send, n) for n in range(machines)]
        jobs += [pool.submit(merge, n) for n in range(2)]
        readers = [pool.submit(read, n) for n in range(2)]
        for job in jobs:
            job.result()
        looks = sum(job.result() for job in readers)

    assert looks > 0
    assert known(opened(address, server), tmp_path / "last") == sorted(acknowledged)


def toolkit(
    *words: object, port: int | None, cwd: Path, **more: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command line, with the variables of a server and no others of AWS."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    given = environment(port) if port else {}
    return subprocess.run(
        [sys.executable, "-m", "toolkit", *map(str, words)],
        cwd=cwd,
        env={**kept, **given, "XDG_CACHE_HOME": str(cwd / "cache"), **more},
        capture_output=True,
        text=True,
        check=False,
    )


SPEC = quick_spec("agent_count")

READING: dict[str, list[str]] = {
    "review": ["--json", "--store", "STORE"],
    "review replay": ["--policy", "size:4", "--json", "--store", "STORE"],
    "records show": ["--json", "--store", "STORE"],
    "features build": ["batch", "--provenance", "simulated", "--out", "OUT.csv"],
    "report objectives": ["--json", "--store", "STORE"],
    "report off-policy": ["--policy", "size:4", "--include-simulated", "--json"],
    "experiment retrain": ["--spec", "spec.toml", "--models", "OUT"],
    "doctor": ["--json", "--store", "STORE"],
}


@pytest.fixture(scope="module")
def simulated(server: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, shipped in two halves of which one is compacted."""
    folder = tmp_path_factory.mktemp("simulated")
    (folder / "spec.toml").write_text(SPEC)
    with gzip.open(ROOT / "data" / "sample" / "workflows.jsonl.gz", "rt") as stream:
        (folder / "workflows.jsonl").write_text("".join(islice(stream, 1000)))
    for words in (
        "records import spool workflows.jsonl --store store",
        "records simulate --batches 300 --events 60 --seed 1 --store store",
        f"records ship --to s3://{BUCKET}/simulated --store store",
        f"records compact --store s3://{BUCKET}/simulated",
        "records simulate --batches 100 --events 60 --seed 2 --store store",
        f"records ship --to s3://{BUCKET}/simulated --store store",
    ):
        done = toolkit(*words.split(), port=server, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", READING)
def test_a_reading_command_gives_what_it_gives_of_a_folder_and_writes_nothing_there(
    server: int, simulated: Path, name: str
) -> None:
    words = [*name.split(), *READING[name]]
    if "STORE" not in words:
        words += ["--store", "STORE"]
    answers = {}
    with Gate(server) as gate:
        for place in ("store", f"s3://{BUCKET}/simulated"):
            out = f"{name.replace(' ', '-')}-{place[:2]}"
            given = [each.replace("STORE", place) for each in words]
            given = [each.replace("OUT", out) for each in given]
            if name == "review" and place == "store":
                given.append("--no-import")
            done = toolkit(*given, port=gate.port, cwd=simulated)
            file = simulated / f"{out}.csv"
            answers[place] = (
                done.returncode,
                file.read_text() if file.exists() else _without_place(done.stdout),
            )
            assert "Traceback" not in done.stderr

    (code, local), (other_code, remote) = answers.values()
    assert code == other_code
    if name not in ("doctor", "experiment retrain"):
        assert local == remote
    assert gate.requests
    assert set(gate.requests) == {"GET"}
    assert not (simulated / "s3:").exists()


def _without_place(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_an_experiment_on_shipped_records_has_the_results_of_the_folder(
    server: int, simulated: Path
) -> None:
    results = []
    with Gate(server) as gate:
        for place in ("store", f"s3://{BUCKET}/simulated"):
            work = f"run-{place[:2]}"
            words = ["experiment", "run", "spec.toml", "--store", place, "--work", work]
            done = toolkit(*words, port=gate.port, cwd=simulated)
            assert done.returncode == 0, done.stderr
            results.append(json.loads((simulated / work / "results.json").read_text()))

    assert results[0] == results[1]
    assert set(gate.requests) == {"GET"}


def test_a_shipment_tells_what_it_sent(server: int, simulated: Path) -> None:
    done = toolkit(
        *f"records ship --to s3://{BUCKET}/simulated --store store --json".split(),
        port=server,
        cwd=simulated,
    )

    assert json.loads(done.stdout)["segments"] == 0


def _errors(port: int, closed: int) -> dict[str, tuple[dict[str, str], int, str]]:
    denied = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{closed}"}
    return {
        "no bucket": ({}, 3, "no such bucket"),
        "no store": ({}, 3, "no such store"),
        "no credentials": ({"AWS_ACCESS_KEY_ID": ""}, 2, "AWS_ACCESS_KEY_ID"),
        "denied": (denied, 3, "not allowed"),
        "unreachable": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, 3, "not answer"),
        "no such host": (
            {"AWS_ENDPOINT_URL": "http://nowhere.invalid"},
            3,
            "does not answer",
        ),
        "no cache": ({"TOOLKIT_CACHE": "much"}, 2, "TOOLKIT_CACHE"),
    }


@pytest.mark.parametrize("verb", ["show", "compact", "ship"])
def test_what_goes_wrong_is_one_error_with_its_exit_code(
    server: int, simulated: Path, verb: str
) -> None:
    with serving(INITIAL_NO_AUTH_ACTION_COUNT="1") as closed:
        for name, (more, code, words) in _errors(server, closed).items():
            bucket = "no-such-bucket" if name == "no bucket" else BUCKET
            place = f"s3://{bucket}/nothing-here"
            if verb == "ship" and name in ("no store", "no cache"):
                continue
            to = ["--to", place, "--store", "store"]
            given = to if verb == "ship" else ["--store", place]
            done = toolkit("records", verb, *given, port=server, cwd=simulated, **more)

            assert (name, done.returncode) == (name, code), done.stderr
            assert words in done.stderr
            assert done.stderr.count("toolkit: error:") == 1
            assert "Traceback" not in done.stderr


@needs_a_tracer
@pytest.mark.parametrize("keys", [True, False], ids=["keys", "no keys"])
def test_nothing_but_the_server_is_spoken_to(
    server: int, simulated: Path, keys: bool
) -> None:
    place = f"s3://{BUCKET}/simulated"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    given = environment(server) if keys else {"AWS_PROFILE": "work"}
    for words in (
        ["records", "show", "--store", place],
        ["records", "compact", "--store", place],
        ["records", "ship", "--to", place, "--store", "store", "--again"],
    ):
        trace = traced(
            [sys.executable, "-m", "toolkit", *words],
            cwd=simulated,
            log=simulated / "strace.log",
            environment={**kept, **given, "XDG_CACHE_HOME": str(simulated / "cache")},
        )

        assert trace.code == (0 if keys else 2), trace.said
        assert trace.addresses == set()


def test_a_reader_takes_the_parts_it_has_no_copy_of(
    server: int, shipped: dict[str, bytes], address: ObjectAddress, tmp_path: Path
) -> None:
    copied(shipped, address, server)
    compacted(opened(address, server), tmp_path / "cache")
    with Gate(server) as gate:
        first = ObjectDataset(opened(address, gate.port), cache(tmp_path / "reader"))
        found = first.count("batch")
        asked = len(gate.requests)
        again = first.count("batch")

    assert found == again == 15
    assert len(gate.requests) - asked == 4
