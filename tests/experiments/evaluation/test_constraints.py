"""Constraints from the bundled sample to the advisor, as the page that teaches them says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.shared import ROOT
from tests.small_sample import small_sample
from tests.thorough import sampled
from toolkit.bundle import read_bundle
from toolkit.experiments.evaluation.constraints import (
    FREE,
    ConstrainedAnswer,
    constraint_rows,
)
from toolkit.experiments.evaluation.nested import Evaluation
from toolkit.plots import plot_constraints
from toolkit.policies import Constraint, Problem

PAGE = ROOT / "docs/how-to/keep-a-limit.md"
ASKED = Constraint(name="p95_s", at_most=10.0, probability=0.9)


def evaluation(promised: int, *, kept: int, groups: int = 10) -> Evaluation:
    """A hundred contexts; those that promise come first, and keep first."""
    made = Evaluation(groups=[f"g{place % groups}" for place in range(100)])
    for place in range(100):
        outcome = 9.0 if place < kept else 11.0
        made.constrained.append(
            ConstrainedAnswer(
                promised=place < promised,
                outcomes={"p95_s": {"guarded": outcome, "rule": 9.0, FREE: 11.0}},
            )
        )
        made.add("guarded", 0.1 + 0.001 * (place % groups))
        made.add(FREE, 0.0)
    return made


def test_what_was_kept_is_counted_among_what_was_promised() -> None:
    (row,) = constraint_rows(evaluation(80, kept=72), [ASKED], seed=0)

    assert (row.contexts, row.groups, row.promised) == (80, 10, 0.8)
    assert row.kept == pytest.approx(0.9)
    assert row.kept_low is not None
    assert row.kept_low < 0.9
    assert (row.kept_by_rule, row.kept_free) == (1.0, 0.0)
    assert row.cost_low <= row.cost <= row.cost_high
    assert row.cost == pytest.approx(np.expm1(0.1045), rel=0.01)


def test_where_nothing_was_promised_nothing_is_said_of_keeping() -> None:
    (row,) = constraint_rows(evaluation(0, kept=0), [ASKED], seed=0)

    assert (row.contexts, row.kept, row.kept_low) == (0, None, None)


QUICK = """decision="batch_size",
    spec=ExperimentSpec(
        name="batch-size",
        decision="batch_size",
        question="?",
        search=SearchSpec(trials=1, members=("linear",)),
    ),"""
"""A member and a trial instead of all: a promise holds for any that learn."""
IMPORTS = "from toolkit.experiments.training.spec import ExperimentSpec, SearchSpec\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the page's program beside the sample; as it stands, where all is tried."""
    folder = tmp_path_factory.mktemp("limited")
    if sampled(few=True, whole=False):
        small_sample(folder / "data/sample", repeats=10)
    else:
        (folder / "data").symlink_to(ROOT / "data")
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.S | re.M)
    assert program.count('decision="batch_size",') == 1
    quick = IMPORTS + program.replace('decision="batch_size",', QUICK)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", sampled(quick, whole=program)],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "work/limited"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_on_the_sample_the_limit_is_kept_as_often_as_asked(place: Path) -> None:
    found = json.loads(
        (place / "experiments/batch-size/results.json").read_text(encoding="utf-8")
    )["constraints"]
    (row,) = found["rows"]

    assert found["groups"] == 24
    assert found["margin"] > 0
    assert row["promised"] > 0.5
    assert row["kept_low"] <= row["probability"] <= row["kept_high"] or (
        row["kept"] >= row["probability"]
    )
    assert row["kept_free"] < row["kept"]
    assert row["cost"] > -0.02
    assert (place / "kept.png").stat().st_size > 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_on_the_sample_every_answer_is_permitted_or_says_that_none_is(
    place: Path,
) -> None:
    bundle = read_bundle(place / "bundle")
    ladder, rng = bundle.policy(), np.random.default_rng(0)
    codes = set()
    types = ("fileOperations", "todoWrite", "taskSpawning")
    for _ in range(300):
        context = {
            name: float(rng.uniform(low, high))
            for name, (low, high) in bundle.manifest.support.ranges.items()
        }
        kind = types[int(rng.integers(3))]
        answer = ladder.decide(
            Problem.of("size", bundle.manifest.actions, operation_type=kind, **context)
        )
        assert answer.allowed is not None
        assert answer.allowed[answer.index] or not answer.allowed.any()
        permitted = bool(answer.allowed.any())
        assert (answer.reason.code == "constraint_not_kept") is not permitted
        codes.add(answer.reason.code)

    assert "constraint_binds" in codes


@pytest.mark.slow
def test_the_plot_has_a_row_for_each_constraint() -> None:
    import matplotlib as mpl
    import pandas as pd

    mpl.use("agg")
    rows = constraint_rows(evaluation(80, kept=72), [ASKED], seed=0)
    axes = plot_constraints(pd.DataFrame([row.to_json() for row in rows]))

    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["p95_s ≤ 10"]
