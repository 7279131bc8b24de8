"""Coverage-guided fuzzing with atheris: `make fuzz`, or `python -m tests.fuzz TARGET`.

Each target runs in a process of its own for a number of inputs; a crash ends it with the
input on disk. The last line counts the inputs of all targets.
"""

import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from toolkit.cli.output import print_note

RUNS = 20_000
"""Inputs for each target unless `--runs` says otherwise."""


def fuzz(name: str, runs: int) -> None:
    """Fuzz one target in this process; does not return."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["toolkit"]):
        from tests.fuzz.targets import TARGETS, seeds_of

    corpus = Path(tempfile.mkdtemp(prefix=f"corpus-{name}-"))
    for number, seed in enumerate(seeds_of(name)):
        (corpus / str(number)).write_bytes(seed)
    words = [sys.argv[0], f"-runs={runs}", "-max_len=32768", "-timeout=10"]
    words += ["-rss_limit_mb=2048", "-verbosity=0", "-print_final_stats=1", str(corpus)]
    atheris.Setup(words, TARGETS[name])
    atheris.Fuzz()


def main(words: list[str]) -> int:
    """Fuzz the named targets, or all of them, one process each."""
    runs = RUNS
    if "--runs" in words:
        at = words.index("--runs")
        runs = int(words[at + 1])
        words = words[:at] + words[at + 2 :]
    if words[:1] == ["--in-process"]:
        fuzz(words[1], runs)
    from tests.fuzz.targets import TARGETS

    names = words or list(TARGETS)
    for name in names:
        command = [sys.executable, "-m", "tests.fuzz", "--runs", str(runs)]
        done = subprocess.run([*command, "--in-process", name], check=False)
        if done.returncode:
            print_note(f"{name}: failed, see above")
            return 1
        print_note(f"{name}: {runs} inputs")
    print_note(f"{len(names)} targets, {runs * len(names)} inputs, none crashed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
