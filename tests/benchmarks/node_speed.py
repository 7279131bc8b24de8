"""One decision in Node beside one in Python, from the same bundle and the same contexts.

Run it: `python -m tests.benchmarks.node_speed [BUNDLE ...]` (a bundle of the conformance
vectors unless others are named). Both are asked in turns; each context is asked once before
it is timed. *Read* is verification and loading in a process that has done nothing before.
"""

import argparse
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.bundle.conformance import question_of
from tests.shared import ROOT
from toolkit.bundle import read_bundle
from toolkit.clock import VirtualClock
from toolkit.errors import SchemaError
from toolkit.runtime.advice import LadderAdvisor

__all__ = ["Latency", "main", "measure"]

SCRIPT = ROOT / "clients" / "node" / "testing" / "latency.js"
DEFAULT = ROOT / "clients" / "conformance" / "bundles" / "batch_size-observed"
CONTEXTS = 400
ROUNDS = 7
READ = "import sys; from pathlib import Path; from toolkit.bundle import read_bundle; "


class Latency(NamedTuple):
    """Microseconds of a decision and milliseconds of reading, each round.

    Those of the processor say more on a busy machine.
    """

    python_us: list[float]
    node_us: list[float]
    python_cpu_us: list[float]
    node_cpu_us: list[float]
    python_read_ms: float
    node_read_ms: float

    def __str__(self) -> str:
        """Write the figures, with the least and the largest ratio of a round."""
        ratios = sorted(
            p / n for p, n in zip(self.python_us, self.node_us, strict=True)
        )
        return (
            f"Python {statistics.median(self.python_us):.0f} us, "
            f"Node {statistics.median(self.node_us):.0f} us a decision; ratio "
            f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}); "
            f"processor {statistics.median(self.python_cpu_us):.0f} us and "
            f"{statistics.median(self.node_cpu_us):.0f} us; "
            f"read {self.python_read_ms:.0f} ms and {self.node_read_ms:.0f} ms"
        )


def measure(folder: Path, *, rounds: int = ROUNDS) -> Latency:
    """Ask both readers the same questions, in turns.

    Parameters
    ----------
    folder : path
        A bundle that offers its own actions.
    rounds : int
    """
    bundle = read_bundle(folder, signed=False)
    rng = random.Random(0)
    clock = VirtualClock(bundle.manifest.created_at)
    advisor = LadderAdvisor(bundle.manifest.decision, bundle=bundle, clock=clock)
    contexts = _contexts(advisor, rng)
    python_us, node_us, node_read_ms, python_read_ms = [], [], [], []
    python_cpu_us, node_cpu_us = [], []
    with tempfile.TemporaryDirectory() as work:
        path = Path(work, "contexts.json")
        path.write_text(json.dumps(contexts))
        for _ in range(rounds):
            began = time.process_time()
            python_us.append(_python_us(advisor, contexts))
            spent_s = time.process_time() - began
            python_cpu_us.append(1e6 * spent_s / len(contexts))
            found = _node(folder, path)
            node_cpu_us.append(found["cpu"])
            node_us.append(statistics.median(found["taken"]))
            node_read_ms.append(found["read"])
            python_read_ms.append(_python_read_ms(folder))
    return Latency(
        python_us=python_us,
        node_us=node_us,
        python_cpu_us=python_cpu_us,
        node_cpu_us=node_cpu_us,
        python_read_ms=statistics.median(python_read_ms),
        node_read_ms=statistics.median(node_read_ms),
    )


def _contexts(advisor: LadderAdvisor, rng: random.Random) -> list[dict[str, Any]]:
    """Draw contexts that are answered, of numbers that JSON has."""
    made: list[dict[str, Any]] = []
    bundle = advisor.bundle
    if bundle is None:
        raise ValueError("an advisor without a bundle")
    while len(made) < CONTEXTS:
        context = question_of(bundle, rng)["context"]
        try:
            json.dumps(context, allow_nan=False)
            advisor.decide(context)
        except (SchemaError, ValueError):
            continue
        made.append(context)
    return made


def _python_us(advisor: LadderAdvisor, contexts: Sequence[dict[str, Any]]) -> float:
    taken = []
    for context in contexts:
        began = time.perf_counter()
        advisor.decide(context)
        taken.append(time.perf_counter() - began)
    return 1e6 * statistics.median(taken)


def _node(folder: Path, contexts: Path) -> dict[str, Any]:
    words = ["node", str(SCRIPT), str(folder), str(contexts)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _python_read_ms(folder: Path) -> float:
    timed = (
        "import time; began = time.perf_counter(); "
        "read_bundle(Path(sys.argv[1]), signed=False); "
        "print(1e3 * (time.perf_counter() - began))"
    )
    words = [sys.executable, "-c", READ + timed, str(folder)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return float(done.stdout)


def main(words: Sequence[str] = ()) -> dict[str, float]:
    """Print the figures of each bundle, and give the medians by bundle."""
    if shutil.which("node") is None:
        sys.stdout.write("node speed: skipped, Node is not installed\n")
        return {}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path, nargs="*", default=[DEFAULT])
    figures: dict[str, float] = {}
    for folder in parser.parse_args(words).bundle:
        found = measure(folder)
        sys.stdout.write(f"node speed of {folder.name}: {found}\n")
        figures |= {
            f"{folder.name} python_us": statistics.median(found.python_us),
            f"{folder.name} node_us": statistics.median(found.node_us),
            f"{folder.name} python_read_ms": found.python_read_ms,
            f"{folder.name} node_read_ms": found.node_read_ms,
        }
    return figures


if __name__ == "__main__":
    main(sys.argv[1:])
