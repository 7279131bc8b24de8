"""Thousands of damaged bundles: refused by one error, or answering within bounds."""

import json
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bundle import __main__ as run_of_slices
from tests.bundle import trials
from tests.bundle.mutants import SMALL, WALKED_BYTES, _graph, wrapped
from tests.bundle.specimens import (
    MEMBERS,
    OF_DECISION,
    write_sections,
    write_specimens,
)
from tests.thorough import sampled
from toolkit.bundle.graph_wire import wire_problem
from toolkit.bundle.manifest_rules import DECISIONS
from toolkit.export.stack import add_member

# The first of its tests fits and exports a bundle of every kind.
pytestmark = pytest.mark.timeout(300)

TRIALS = sampled(1_000, whole=20_000)


@pytest.fixture(scope="module")
def specimens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("specimens")
    write_specimens(folder)
    write_sections(folder)
    return folder


@pytest.mark.slow
def test_no_damaged_bundle_raises_hangs_or_answers_out_of_bounds(
    specimens: Path,
) -> None:
    words = ["-m", "tests.bundle", str(specimens), "--trials", str(TRIALS)]
    done = subprocess.run(
        [sys.executable, *words], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr[-2000:]
    sums = json.loads(done.stdout)
    assert sums["finds"] == []
    assert sums["trials"] >= TRIALS
    assert sums["person: refused"] > TRIALS / 4
    assert sums["person: answered"] > TRIALS / 40
    assert sums["slowest_s"] < trials.LIMIT_S
    assert 50 < sums["peak_mb"] < trials.MOST_MB


def test_every_decision_and_member_that_ships_is_damaged(specimens: Path) -> None:
    made = {
        specimen.name.split("-")[0] for specimen in trials.read_specimens(specimens)
    }
    exported = {kind.__name__ for kind in add_member.registry if kind is not object}

    assert made == set(DECISIONS)
    assert {f"Fitted{name.capitalize()}" for name in MEMBERS} == exported
    assert set(OF_DECISION) == set(DECISIONS) - {"table"}


def test_a_graph_of_too_many_fields_is_refused_and_changed_no_further() -> None:
    around, part = SMALL[0]
    graph = wrapped(part * WALKED_BYTES, around)

    assert wire_problem(graph)
    assert all(_graph(random.Random(seed), graph, b"") == graph for seed in range(3))


def test_trials_see_an_answer_out_of_bounds(
    specimens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "ACTION_BOUNDS", {"agent_count": (20, 20)})
    (specimen, *_) = trials.read_specimens(specimens)

    with pytest.raises(AssertionError, match="out of bounds"):
        trials.run(specimen, tmp_path, seed=0, count=200)


def test_a_find_is_recorded_and_the_run_goes_on_with_the_next_bundle(
    specimens: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "ACTION_BOUNDS", {"agent_count": (20, 20)})
    monkeypatch.setattr(run_of_slices, "MOST_MB", math.inf)  # a test takes more
    first, *_, last = trials.read_specimens(specimens)
    row = run_of_slices.slice_of([first, last], seed=0, each=200)

    assert [find.partition(" ")[0] for find in row["finds"]] == [first.name]
    assert row["trials"] == 200


def test_trials_see_a_bundle_that_takes_memory(specimens: Path, tmp_path: Path) -> None:
    (specimen, *_) = trials.read_specimens(specimens)

    with pytest.raises(AssertionError, match=r": \d+ MB"):
        trials.run(specimen, tmp_path, seed=0, count=1, most_mb=20)


def test_trials_end_a_bundle_that_hangs(
    specimens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(_folder: Path) -> None:
        while True:
            pass

    monkeypatch.setattr(trials, "read_bundle", hang)
    monkeypatch.setattr(trials, "LIMIT_S", 0.1)
    (specimen, *_) = trials.read_specimens(specimens)

    with pytest.raises(AssertionError, match="processor time"):
        trials.run(specimen, tmp_path, seed=0, count=1)
