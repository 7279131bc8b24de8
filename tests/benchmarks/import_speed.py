"""Import of Claude Code transcripts against merely reading and parsing the same files.

Both run on one core in one process, alternately, and the medians of their processor
times are compared: the machine's mood hits both. The limit is 2.0, the goal 1.0.
"""

import gzip
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.shared import HISTORY
from toolkit.history import RecordStore
from toolkit.history.importers import ImportReport, open_source, run_import

__all__ = ["LIMIT", "main", "measure"]

LIMIT = 2.0
ROUNDS = 3


def parse_only(files: list[Path]) -> int:
    """Read and parse every line, and keep nothing."""
    lines = 0
    for file in files:
        with gzip.open(file) as stream:
            for line in stream:
                lines += 1
                try:
                    json.loads(line)
                except ValueError:
                    continue
    return lines


def import_all(paths: list[Path]) -> ImportReport:
    """Import everything into a store of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        RecordStore(Path(folder)) as store,
    ):
        return run_import(open_source("claude-code"), paths, store)


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Time both, side by side.

    Returns
    -------
    dict
        Processor seconds of both, their ratio, and the peak memory in MB.
    """
    paths = sorted((HISTORY / "claude-code").glob("*/projects"))
    files = [file for path in paths for file in sorted(path.rglob("*.jsonl.gz"))]
    parsed_s, imported_s = [], []
    for _ in range(rounds):
        began = time.process_time()
        lines = parse_only(files)
        parsed_s.append(time.process_time() - began)
        began = time.process_time()
        report = import_all(paths)
        imported_s.append(time.process_time() - began)
        assert report.lines == lines
    return {
        "files": len(files),
        "parse_s": statistics.median(parsed_s),
        "import_s": statistics.median(imported_s),
        "ratio": statistics.median(imported_s) / statistics.median(parsed_s),
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    """Peak of this program alone: `ru_maxrss` would start from the peak of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (row for row in status.splitlines() if row.startswith("VmHWM:"))
    return float(line.split()[1]) / 1024


def main() -> None:
    """Print the figures."""
    if not HISTORY.is_dir():
        sys.stdout.write("import speed: skipped, no shared history\n")
        return
    figures = measure()
    sys.stdout.write(
        f"import speed: {figures['files']:.0f} files, parse {figures['parse_s']:.2f} s, "
        f"import {figures['import_s']:.2f} s, ratio {figures['ratio']:.2f} "
        f"(limit {LIMIT}), peak {figures['peak_mb']:.0f} MB\n"
    )


if __name__ == "__main__":
    main()
