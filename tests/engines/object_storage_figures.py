"""What a store on object storage costs beside a folder, on a real server of this machine.

`work/engines/bin/python -m tests.engines.object_storage_figures` prints a table: each
step in a process by itself, its processor and elapsed seconds and its largest memory, and
what went over the wire. The server and the gate that counts are programs of Python that
take one request at a time, so the elapsed time is the most that it would be anywhere.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.engines.s3_server import BUCKET, Gate, environment, serving
from tests.records.records import a_batch
from toolkit.cli.output import print_text
from toolkit.history import (
    ObjectAddress,
    RecordStore,
    compact_objects,
    compact_store,
    open_objects,
    read_store,
    ship,
)
from toolkit.history.objects.cache import cache_of
from toolkit.records import Spool

ADDRESS = ObjectAddress(BUCKET, "figures")
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
CONTEXT = multiprocessing.get_context("spawn")


def fill(root: Path, rows: int, days: int) -> None:
    """Write batches, spread over some days, to the spool of a new store."""
    step = timedelta(days=days) / rows
    row = a_batch(session_id="session", model="model", cycle_s=12.5, succeeded=1)
    text = json.dumps(row.to_json())
    with RecordStore(root) as store:
        store.add(a_batch("first"))
    spool = Spool(root / "spool")
    for start in range(0, rows, 50_000):
        lines = [
            text.replace('"b1"', f'"b{n}"').replace(
                "2026-01-05T12:00:00", (FIRST + n * step).isoformat()[:19]
            )
            for n in range(start, min(start + 50_000, rows))
        ]
        spool.append_encoded(f"{line}\n".encode() for line in lines)


def compact_folder(root: Path) -> None:
    with RecordStore(root) as store:
        compact_store(store)


def ship_folder(root: Path) -> None:
    ship(root, open_objects(ADDRESS, os.environ))


def compact_bucket(_: Path) -> None:
    objects = open_objects(ADDRESS, os.environ)
    compact_objects(objects, cache_of(str(ADDRESS), os.environ))


def read_folder(root: Path) -> None:
    read_store(root).summary()


def read_bucket(_: Path) -> None:
    read_store(ADDRESS).summary()


def _measured(work: Callable[[Path], None], root: Path, results: "Path") -> None:
    began = time.perf_counter()
    work(root)
    used = resource.getrusage(resource.RUSAGE_SELF)
    results.write_text(
        json.dumps(
            [
                used.ru_utime + used.ru_stime,
                time.perf_counter() - began,
                used.ru_maxrss / 1024,
            ]
        )
    )


def main() -> None:
    """Measure every step once, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    options = parser.parse_args()
    print_text("| step | CPU s | s | MB | requests | MB sent | MB received |")
    print_text("|---|---|---|---|---|---|---|")
    with (
        tempfile.TemporaryDirectory() as folder,
        serving() as port,
        Gate(port) as gate,
    ):
        os.environ.update(environment(gate.port))
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        root = Path(folder) / "store"
        fill(root, options.rows, options.days)
        steps: list[tuple[str, Callable[[Path], None]]] = [
            ("ship the spool", ship_folder),
            ("compact the folder", compact_folder),
            ("compact on the server", compact_bucket),
            ("read the folder", read_folder),
            ("read from the server, by who compacted", read_bucket),
        ]
        for name, work in steps:
            _print_step(name, work, root, gate, Path(folder))
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "other")
        _print_step("read from the server, first", read_bucket, root, gate, root.parent)
        _print_step("read from the server, again", read_bucket, root, gate, root.parent)
        fill_more(root)
        for name, work in (
            ("ship 1000 more", ship_folder),
            ("compact the folder again", compact_folder),
            ("compact on the server again", compact_bucket),
        ):
            _print_step(name, work, root, gate, root.parent)


def fill_more(root: Path) -> None:
    """Add 1000 batches of one day."""
    with RecordStore(root) as store:
        store.add_all([a_batch(f"m{n}", at=FIRST) for n in range(1000)])


def _print_step(
    name: str, work: Callable[[Path], None], root: Path, gate: Gate, folder: Path
) -> None:
    gate.requests.clear()
    gate.sent = gate.received = 0
    results = folder / "results.json"
    process = CONTEXT.Process(target=_measured, args=(work, root, results))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{name} failed")
    cpu_s, elapsed_s, memory = json.loads(results.read_text())
    print_text(
        f"| {name} | {cpu_s:.1f} | {elapsed_s:.1f} | {memory:.0f} | "
        f"{len(gate.requests)} | {gate.sent / 1e6:.1f} | {gate.received / 1e6:.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
