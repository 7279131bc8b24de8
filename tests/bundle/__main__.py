"""Trials of damaged bundles, any number of them: `python -m tests.bundle FOLDER`.

FOLDER keeps the good bundles and `trials.jsonl`, one line for each slice that ended, so
that a long run goes on where it stopped. A slice damages every bundle the same number of
times under one seed. Several runs may share the work, each in a folder of its own with
another `--first-seed`. What breaks a promise is a line of its slice's `finds`, and the
slice goes on with the next bundle; the run then ends with 1.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.bundle.mutants import Specimen
from tests.bundle.trials import MOST_MB, read_specimens, run

EACH = 500
"""Damaged bundles of each kind in one slice."""

NOT_SUMMED = ("slowest_s", "peak_mb", "finds")


def main(words: list[str] | None = None) -> int:
    """Run slices until a number of trials, or a time, is reached; print the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--first-seed", type=int, default=0)
    options = parser.parse_args(words)
    record = options.folder / "trials.jsonl"
    _make(options.folder)
    specimens = read_specimens(options.folder)
    done = list(_read(record))
    end_s = time.monotonic() + options.seconds
    total = sum(int(row["trials"]) for row in done)
    while total < options.trials and time.monotonic() < end_s and _moves(done):
        each = min(EACH, -(-(options.trials - total) // len(specimens)))
        row = slice_of(specimens, seed=options.first_seed + len(done), each=each)
        with record.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        done.append(row)
        total += row["trials"]
    sums = _sum(done)
    sys.stdout.write(json.dumps(sums) + "\n")
    return 1 if sums["finds"] else 0


def slice_of(specimens: list[Specimen], *, seed: int, each: int) -> dict[str, Any]:
    """Run one slice in a folder in memory; a bundle's count ends at its first find."""
    ends = Counter({"trials": 0})
    finds: list[str] = []
    slowest_s = most_mb = 0.0
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own below it
    for specimen in specimens:
        folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        try:
            counts = run(specimen, folder, seed=seed, count=each, most_mb=MOST_MB)
        except AssertionError as error:
            finds.append(str(error))
            continue
        finally:
            shutil.rmtree(folder)
        slowest_s = max(slowest_s, counts.pop("slowest_s"))
        most_mb = max(most_mb, counts.pop("peak_mb"))
        ends.update(counts)
        ends["trials"] += each
    return {**ends, "slowest_s": slowest_s, "peak_mb": most_mb, "finds": finds}


def _make(folder: Path) -> None:
    """Write the good bundles, in a process of its own: training takes memory."""
    if not any(folder.glob("*-*/manifest.json")):
        words = [sys.executable, "-m", "tests.bundle.specimens", str(folder)]
        subprocess.run(words, check=True)


def _moves(rows: list[dict[str, Any]]) -> bool:
    """Check that the last slice found something sound: else none would ever end."""
    return not rows or rows[-1]["trials"] > 0


def _read(record: Path) -> Iterable[dict[str, Any]]:
    if record.exists():
        yield from map(json.loads, record.read_text().splitlines())


def _sum(rows: list[dict[str, Any]]) -> dict[str, Any]:
    sums: Counter[str] = Counter()
    for row in rows:
        sums.update({n: v for n, v in row.items() if n not in NOT_SUMMED})
    return {
        **dict(sorted(sums.items())),
        "finds": [find for row in rows for find in row.get("finds", [])],
        "slices": len(rows),
        "slowest_s": max(row["slowest_s"] for row in rows),
        "peak_mb": max(row["peak_mb"] for row in rows),
    }


if __name__ == "__main__":
    sys.exit(main())
