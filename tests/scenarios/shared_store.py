"""Writers, compactions and readers of one store at once: `python -m` runs it long."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["run_shared"]

WRITER = """
import sys, time
from pathlib import Path
from tests.records.records import a_batch
from toolkit.records import Spool
spool, name, until = Spool(Path(sys.argv[1]) / "spool"), sys.argv[2], float(sys.argv[3])
number = 0
while number < 150 or time.time() < until:
    rows = [a_batch(f"{name}-{number + i}").to_json() for i in range(3)]
    spool.append_all(rows, durable=number % 30 == 0)
    number += 3
    time.sleep(0.01)
print(number)
"""

COMPACTOR = """
import sys, time
from pathlib import Path
from toolkit.history.dataset import LocalDataset
from toolkit.records import Spool
root, until, count = Path(sys.argv[1]), float(sys.argv[2]), 0
while count < 3 or time.time() < until:
    LocalDataset(root / "dataset").compact(Spool(root / "spool"))
    count += 1
print(count)
"""

READER = """
import sys, time
from pathlib import Path
from toolkit.history import read_store
root, until, looks, most = Path(sys.argv[1]), float(sys.argv[2]), 0, 0
while looks < 3 or time.time() < until:
    ids = [r.record_id for r in read_store(root).scan("batch")]
    assert len(ids) == len(set(ids)), "a record twice"
    whole = {}
    for name in ids:
        writer, number = name.rsplit("-", 1)
        whole.setdefault(writer, set()).add(int(number))
    for writer, numbers in whole.items():
        assert len(numbers) == max(numbers) + 1, f"a gap in {writer}"
        assert len(numbers) % 3 == 0, f"half an append of {writer}"
    assert len(ids) >= most, "fewer than before"
    most, looks = len(ids), looks + 1
print(looks)
"""


def run_shared(
    root: Path, *, seconds: float, writers: int, compactors: int, readers: int
) -> dict[str, Any]:
    """Run all at once on a store; every process checks what it sees.

    Returns
    -------
    dict
        `appended`, `compactions`, `looks`, `found` (records at the end), `errors`.
    """
    from tests.records.records import a_batch
    from toolkit.clock import SystemClock
    from toolkit.history import read_store
    from toolkit.records import Spool

    Spool(root / "spool").append_all(a_batch(f"first-{n}").to_json() for n in range(3))
    until = str(SystemClock().now().timestamp() + seconds)
    jobs = [
        *([WRITER, str(root), f"w{n}", until] for n in range(writers)),
        *([COMPACTOR, str(root), until] for _ in range(compactors)),
        *([READER, str(root), until] for _ in range(readers)),
    ]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for words in jobs
    ]
    ended = [process.communicate() for process in started]
    counts = [int(out or 0) for out, _ in ended]
    dataset = read_store(root)
    return {
        "appended": 3 + sum(counts[:writers]),
        "compactions": sum(counts[writers : writers + compactors]),
        "looks": sum(counts[writers + compactors :]),
        "found": dataset.count("batch"),
        "errors": [said[-500:] for _, said in ended if said],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--writers", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run_shared(
            Path(folder) / "store",
            seconds=options.seconds,
            writers=options.writers,
            compactors=2,
            readers=4,
        )
    sys.stdout.write(json.dumps(found) + "\n")
