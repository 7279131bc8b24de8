"""The door: what `import toolkit` offers, and what it costs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit
from tests.history.importers.claude_code.transcripts import write
from tests.measured_history import batch_store
from tests.review.reviewed import Talk, import_sessions
from tests.shared import ROOT

MOST_NAMES = 15


def _talk() -> Talk:
    return Talk().read("/home/a/alpha.py").read("/home/a/bravo.py")


def _modules_after(program: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after a program."""
    asked = f"{program}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_door_has_at_most_fifteen_names() -> None:
    assert 10 <= len({*toolkit.__all__, "__version__"}) <= MOST_NAMES


def test_importing_the_toolkit_loads_no_room() -> None:
    loaded = _modules_after("import toolkit")

    assert loaded.isdisjoint({"numpy", "pandas", "duckdb", "toolkit.history"})


def test_a_batch_needs_the_standard_library_only() -> None:
    loaded = _modules_after("import toolkit\ntoolkit.Batch")

    assert loaded.isdisjoint({"numpy", "pandas", "duckdb", "sklearn", "onnxruntime"})


@pytest.mark.parametrize("first", ["", "import toolkit.review; "])
def test_a_review_can_be_called_whether_or_not_its_room_is_loaded(
    tmp_path: Path, first: str
) -> None:
    store = import_sessions(tmp_path, _talk())
    program = (
        f"{first}import toolkit as tk; print(tk.review(tk.History({str(store)!r})))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert "SPENT" in done.stdout


def test_read_gives_the_records_that_a_history_gives(tmp_path: Path) -> None:
    store = import_sessions(tmp_path, _talk())

    frame = toolkit.read(str(store), "batch")

    assert len(frame) > 1
    assert frame.equals(toolkit.History(store).batches())


@pytest.mark.slow
@pytest.mark.timeout(300)  # an import, a review and an experiment
def test_the_program_of_the_readme_runs(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert program is not None
    write(
        tmp_path / ".claude" / "projects" / "-home-a" / "s1.jsonl",
        _talk().session.lines,
    )
    batch_store(tmp_path / ".toolkit", groups=4).close()

    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", program[1]],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "SPENT" in done.stdout
    assert (tmp_path / "bundles" / "batch-size" / "manifest.json").is_file()
    kept = toolkit.History(tmp_path / ".toolkit").batches()
    assert kept.loc[kept["source"] == "advisor", "cycle_s"].tolist() == [12.1]
