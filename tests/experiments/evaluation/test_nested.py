"""Held-out groups judge: they take no part in tuning, fitting or choosing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.measured_history import batch_store, workflow_store
from tests.thorough import sampled
from toolkit.experiments.evaluation.nested import Evaluation, evaluate_held_out
from toolkit.experiments.evaluation.result import markdown_table, policy_rows
from toolkit.experiments.tables import recorded_table, teaching_rows
from toolkit.experiments.training import ExperimentSpec
from toolkit.experiments.training.spec import SearchSpec, SplitSpec
from toolkit.features import batch_table, workflow_table
from toolkit.models import DecisionTable

SPEC = ExperimentSpec(
    name="test",
    decision="batch_size",
    question="?",
    search=SearchSpec(trials=2, members=("quadratic", "constant")),
    split=SplitSpec(outer_folds=4, inner_folds=2),
)


def table_of(frame: pd.DataFrame) -> DecisionTable:
    rows = teaching_rows(frame, decision="batch_size")
    return recorded_table(rows, decision="batch_size")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> DecisionTable:
    with batch_store(tmp_path_factory.mktemp("store")) as store:
        store.compact()
        return table_of(batch_table(store.dataset))


def evaluated(
    table: DecisionTable, folder: Path, spec: ExperimentSpec = SPEC
) -> Evaluation:
    return evaluate_held_out(
        table,
        spec,
        fingerprint=folder.name,
        studies=folder / "journal",
        report=lambda done, total, what: None,
    )


@pytest.mark.slow
def test_the_learned_policy_beats_the_rule_where_there_is_something_to_learn(
    tmp_path: Path,
) -> None:
    # Little overhead: the best sizes are 2 to 4, and the rule says more.
    with batch_store(tmp_path / "store", overheads_s=(0.1, 0.6)) as store:
        store.compact()
        table = table_of(batch_table(store.dataset))

    rows = {row.policy: row for row in policy_rows(evaluated(table, tmp_path), seed=0)}

    assert rows["learned"].verdict == "better"
    assert rows["learned"].slowdown < 1.02 < rows["rule"].slowdown


@pytest.mark.slow
def test_what_a_held_out_group_cost_moves_none_of_its_own_decisions(
    table: DecisionTable, tmp_path: Path
) -> None:
    victim = table.group_names[0]
    # Without repeats the costs themselves grade.
    table = replace(table, runs=(), repeats=())
    theirs = [group == victim for group in table.groups]
    planted = table.with_log_costs(
        costs[::-1].copy() if own else costs
        for costs, own in zip(table.log_costs, theirs, strict=True)
    )
    # Of eight groups: each is held out with another, or alone.
    folds = sampled(4, whole=8)
    spec = replace(SPEC, split=SplitSpec(outer_folds=folds, inner_folds=2))

    before = evaluated(table, tmp_path / "before", spec)
    after = evaluated(planted, tmp_path / "after", spec)

    # The costs are reversed, so equal decisions earn the mirrored scores.
    for name in ("learned", "guarded", "tuned rule"):
        for position in np.flatnonzero(theirs):
            place = before.names.index(table.names[position])
            cost, mirrored = table.log_costs[position], planted.log_costs[position]
            excess = cost - cost.min() - before.scores[name][place]
            index = int(np.argmin(np.abs(excess)))
            expected = mirrored[index] - mirrored.min()
            assert after.scores[name][place] == pytest.approx(expected), position


@pytest.mark.slow
def test_agent_counts_are_learned_and_baselines_are_rows(tmp_path: Path) -> None:
    with workflow_store(tmp_path / "store") as store:
        store.compact()
        ended = teaching_rows(
            workflow_table(store.dataset), decision="agent_count", price_exponent=0.5
        )
        table = recorded_table(ended, decision="agent_count")
    spec = replace(SPEC, decision="agent_count", price_exponent=0.5)

    rows = policy_rows(evaluated(table, tmp_path, spec), seed=0)

    named = {row.policy: row for row in rows}
    assert {"oracle", "rule", "tuned rule", "best constant", "half the cores"} <= set(
        named
    )
    assert named["learned"].slowdown < named["rule"].slowdown
    assert "| half the cores |" in markdown_table(rows)


def test_the_measured_cost_of_a_size_is_the_ratio_of_totals(tmp_path: Path) -> None:
    with batch_store(tmp_path) as store:
        store.compact()
        frame = batch_table(store.dataset)
    table = table_of(frame)
    rows = frame[frame["context_id"] == table.names[0]]
    two = rows[rows["size"] == 2]

    expected = np.log(two["cycle_s"].sum() / two["succeeded"].sum())

    assert table.log_costs[0][1] == pytest.approx(expected)
