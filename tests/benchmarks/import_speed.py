"""Import of agents' logs against merely parsing the same lines with `json.loads`.

The logs are unpacked first: agents keep them plain. They are redacted; *raw* are the same
lines with texts of the lengths that they name (`written_out`), as agents write them, and
the goal is about those. Each round parses and imports in turn, so that the machine's mood
hits both; medians are compared. *CPU* is the processor time of all processes, *wall* the
time on the clock, which says something on a machine with idle cores only. *Readers* are as
many processes as the command takes here. An import is everything up to the last sync of a
new store; *slope* is its ratio without what making an empty store takes: that of a larger
log of the kind.

*Command* is `toolkit records import` from its start, prices included, and its memory: the
largest sum over its processes of what each holds alone and its part of what they share.
*First* is the command for a new store: it loads the price list; else the store has the
prices of its models. *Again* is the command when nothing changed: mostly its start, which
a large log hardly notices.
"""

import gzip
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.written_out import TABLES, write_out
from tests.shared import HISTORY
from toolkit.history import RecordStore
from toolkit.history.importers import open_source, run_import, usable_processes

__all__ = ["LIMIT", "PACKS", "Speed", "main", "measure"]

LIMIT = 1.5
ROUNDS = 5
COMMANDS = 3
LOOK_S = 0.02
SETTLED_S = 0.3

PACKS = {
    "claude-code": ("claude-code", "claude-code/*/projects"),
    "flow": ("claude-code", "flow/claude-code/*"),
    "codex": ("codex", "codex/*/sessions"),
    "copilot": ("copilot", "copilot/*/session-state"),
    "gemini": ("gemini", "gemini/*/tmp"),
    "opencode": ("opencode", "opencode/*/export"),
    "opencode database": ("opencode", "opencode/*/relaid"),
    "pi": ("pi", "pi/*/sessions"),
}
"""Source of each pack, and where it lies in the shared history."""


class Speed(NamedTuple):
    """Seconds of one pack: of parsing, of importing in one process and with readers."""

    files: int
    megabytes: float
    parse_cpu_s: float
    parse_wall_s: float
    import_cpu_s: float
    empty_cpu_s: float
    readers: int
    readers_cpu_s: float
    readers_wall_s: float
    command_cpu_s: float
    command_wall_s: float
    command_mb: float
    first_cpu_s: float
    first_mb: float
    again_cpu_s: float

    @property
    def slope(self) -> float:
        """The ratio of processor time to parsing beyond an empty store."""
        return (self.import_cpu_s - self.empty_cpu_s) / self.parse_cpu_s

    @property
    def ratios(self) -> dict[str, float]:
        """The ratios of time to parsing, of the processors but for `wall`; memory in MB."""
        return {
            "import": self.import_cpu_s / self.parse_cpu_s,
            "import_slope": self.slope,
            "readers": self.readers_cpu_s / self.parse_cpu_s,
            "readers_wall": self.readers_wall_s / self.parse_wall_s,
            "command": self.command_cpu_s / self.parse_cpu_s,
            "command_less_start": (self.command_cpu_s - self.again_cpu_s)
            / self.parse_cpu_s,
            "command_mb": self.command_mb,
        }

    def __str__(self) -> str:
        """Write the figures and the ratios to parsing."""
        cpu, wall = self.parse_cpu_s, self.parse_wall_s
        return (
            f"{self.files} files, {self.megabytes:.1f} MB: json.loads {cpu:.3f} s; "
            f"import CPU {self.import_cpu_s:.3f} s ({self.import_cpu_s / cpu:.2f}x, "
            f"empty store {self.empty_cpu_s:.3f} s, slope {self.slope:.2f}x); "
            f"with {self.readers} readers CPU {self.readers_cpu_s:.3f} s "
            f"({self.readers_cpu_s / cpu:.2f}x), wall {self.readers_wall_s:.3f} s "
            f"({self.readers_wall_s / wall:.2f}x); command CPU {self.command_cpu_s:.2f} s "
            f"({self.command_cpu_s / cpu:.2f}x, without its start "
            f"{self.ratios['command_less_start']:.2f}x), wall {self.command_wall_s:.2f} s, "
            f"{self.command_mb:.0f} MB; first {self.first_cpu_s:.2f} s, "
            f"{self.first_mb:.0f} MB; again {self.again_cpu_s:.2f} s"
        )


def measure(source: str, folders: Sequence[Path], rounds: int = ROUNDS) -> Speed:
    """Time one pack of plain logs.

    Parameters
    ----------
    source : str
        As typed after `toolkit records import`.
    folders : sequence of path
    rounds : int
    """
    files = [file.path for file in open_source(source).files(folders)]
    import_all(source, folders, 1)  # loads what it needs
    readers = usable_processes()
    timed = {
        "parse": lambda: parse_only(files),
        "import": lambda: import_all(source, folders, 1),
        "empty": lambda: import_all(source, [], 1),
        "readers": lambda: import_all(source, folders, readers),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, work in timed.items():
            taken[name].append(_timed(work))
    cpu_s = {k: statistics.median(cpu for cpu, _ in v) for k, v in taken.items()}
    wall_s = {k: statistics.median(wall for _, wall in v) for k, v in taken.items()}
    with tempfile.TemporaryDirectory() as folder:
        begin = [sys.executable, "-m", "toolkit", "records", "import", source]
        begin += [*map(str, folders), "--json", "--store"]
        first = _watched([*begin, f"{folder}/0"])
        commands = []
        for number in range(1, COMMANDS + 1):
            store = Path(folder, str(number))
            store.mkdir()
            with suppress(FileNotFoundError):  # where no reply names a model
                shutil.copy(Path(folder, "0", "prices.json"), store)
            commands.append(_watched([*begin, str(store)]))
        again = _watched([*begin, f"{folder}/0"])
    command_cpu_s, command_wall_s, command_mb = map(
        statistics.median, zip(*commands, strict=True)
    )
    return Speed(
        files=len(files),
        megabytes=sum(file.stat().st_size for file in files) / 1e6,
        parse_cpu_s=cpu_s["parse"],
        parse_wall_s=wall_s["parse"],
        import_cpu_s=cpu_s["import"],
        empty_cpu_s=cpu_s["empty"],
        readers=readers,
        readers_cpu_s=cpu_s["readers"],
        readers_wall_s=wall_s["readers"],
        command_cpu_s=command_cpu_s,
        command_wall_s=command_wall_s,
        command_mb=command_mb,
        first_cpu_s=first[0],
        first_mb=first[2],
        again_cpu_s=again[0],
    )


def parse_only(files: Sequence[Path]) -> None:
    """Parse every line or row, or the document, and keep nothing."""
    for file in files:
        if file.suffix == ".db":
            with closing(sqlite3.connect(file)) as database:
                for table in TABLES:
                    for (data,) in database.execute(f"SELECT data FROM {table}"):  # noqa: S608 - names of ours
                        json.loads(data)
        elif file.suffix == ".jsonl":
            with file.open("rb") as stream:
                for line in stream:
                    with suppress(ValueError):
                        json.loads(line)
        else:
            json.loads(file.read_bytes())


def import_all(source: str, folders: Sequence[Path], processes: int) -> None:
    """Import everything into a store of its own."""
    with tempfile.TemporaryDirectory() as folder, RecordStore(Path(folder)) as store:
        run_import(open_source(source), folders, store, workers=processes)


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    cpu_s, began_s = _cpu_s(), time.perf_counter()
    work()
    return _cpu_s() - cpu_s, time.perf_counter() - began_s


def _cpu_s() -> float:
    """Give the processor time of this process and of those it waited for."""
    waited = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + waited.ru_utime + waited.ru_stime


def _watched(command: Sequence[str]) -> tuple[float, float, float]:
    """Run a command: its processor time, its time, its memory in MB."""
    # installed packages hold their bytecode, or are given it by the first command
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    cpu_s, began_s, most = _cpu_s(), time.perf_counter(), 0.0
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=variables
    ) as process:
        while process.poll() is None:
            most = max(most, sum(map(_own_mb, _family(process.pid))))
            time.sleep(LOOK_S)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return _cpu_s() - cpu_s, time.perf_counter() - began_s, most


def _family(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        with suppress(OSError):
            listed = Path(f"/proc/{one}/task/{one}/children").read_text("ascii")
            found += map(int, listed.split())
    return found


def _own_mb(pid: int) -> float:
    """Proportional set size: what processes share counts once, among them."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    except OSError:
        return 0.0
    sizes = [row.split()[1] for row in rollup.splitlines() if row.startswith("Pss:")]
    return sum(map(float, sizes)) / 1024


def _unpacked(pattern: str, target: Path) -> list[Path]:
    """Unpack the logs of a pack; nothing else is changed about them."""
    folders = []
    for number, folder in enumerate(sorted(HISTORY.glob(pattern))):
        folders.append(target / f"{number}" / folder.name)
        for file in folder.rglob("*.gz"):
            plain = folders[-1] / file.relative_to(folder).with_suffix("")
            plain.parent.mkdir(parents=True, exist_ok=True)
            plain.write_bytes(gzip.decompress(file.read_bytes()))
        for file in folder.rglob("*.db"):
            shutil.copyfile(file, folders[-1] / file.relative_to(folder))
    time.sleep(SETTLED_S)
    return folders


def main(names: Sequence[str] = ()) -> dict[str, float]:
    """Print the figures, and give the ratios by pack.

    Parameters
    ----------
    names : sequence of str
        Packs; all of them by default.
    """
    if not HISTORY.is_dir():
        sys.stdout.write("import speed: skipped, no shared history\n")
        return {}
    wanted = list(names or PACKS)
    ratios: dict[str, float] = {}
    sys.stdout.write(f"import speed: goal {LIMIT}x, load {os.getloadavg()[0]:.1f}\n")
    for name in wanted:
        source, pattern = PACKS[name]
        with tempfile.TemporaryDirectory() as folder:
            plain = _unpacked(pattern, Path(folder, "plain"))
            raw = [Path(folder, "raw", *p.parts[-2:]) for p in plain]
            for redacted, written in zip(plain, raw, strict=True):
                write_out(redacted, written)
            for title, folders in ((name, plain), (f"{name} raw", raw)):
                speed = measure(source, folders)
                sys.stdout.write(f"import speed of {title}: {speed}\n")
                ratios |= {f"{title} {what}": x for what, x in speed.ratios.items()}
    return ratios


if __name__ == "__main__":
    main(sys.argv[1:])
