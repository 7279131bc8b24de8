"""Held-out groups judge: they take no part in tuning, fitting or choosing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.measured_history import batch_store, workflow_store
from toolkit.errors import NotEnoughDataError
from toolkit.experiments.evaluation import (
    Evaluation,
    evaluate,
    markdown_table,
    policy_rows,
)
from toolkit.experiments.tables import LearningTable, learning_table
from toolkit.experiments.training import ExperimentSpec, SearchSpec, SplitSpec
from toolkit.features import batch_table, workflow_table

SPEC = ExperimentSpec(
    name="test",
    decision="batch_size",
    question="?",
    search=SearchSpec(trials=2, members=("quadratic", "constant")),
    split=SplitSpec(outer_folds=4, inner_folds=2),
)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> LearningTable:
    with batch_store(tmp_path_factory.mktemp("store")) as store:
        store.compact()
        return learning_table(
            batch_table(store.dataset), decision="batch_size", price_exponent=0.0
        )


def evaluated(
    table: LearningTable, folder: Path, spec: ExperimentSpec = SPEC
) -> Evaluation:
    return evaluate(
        table,
        spec,
        fingerprint=folder.name,
        journal=folder / "journal",
        report=lambda done, total, what: None,
    )


@pytest.mark.slow
def test_the_learned_policy_beats_the_rule_where_there_is_something_to_learn(
    tmp_path: Path,
) -> None:
    # Little overhead: the best sizes are 2 to 4, and the rule says more.
    with batch_store(tmp_path / "store", overheads_s=(0.1, 0.6)) as store:
        store.compact()
        table = learning_table(
            batch_table(store.dataset), decision="batch_size", price_exponent=0.0
        )

    rows = {row.policy: row for row in policy_rows(evaluated(table, tmp_path), seed=0)}

    assert rows["learned"].verdict == "better"
    assert rows["learned"].slowdown < 1.02 < rows["rule"].slowdown


@pytest.mark.slow
def test_what_a_held_out_group_cost_moves_none_of_its_own_decisions(
    table: LearningTable, tmp_path: Path
) -> None:
    victim = sorted({problem.group for problem in table.problems})[0]
    noise = np.random.default_rng(7).lognormal(0, 1, len(table.y))
    theirs = table.groups == victim
    y = table.y.copy()
    y[theirs, 0] *= noise[theirs]
    problems = tuple(
        replace(p, log_cost=p.log_cost[::-1].copy()) if p.group == victim else p
        for p in table.problems
    )
    planted = replace(table, y=y, problems=problems)
    spec = replace(SPEC, split=SplitSpec(outer_folds=8, inner_folds=2))

    before = evaluated(table, tmp_path / "before", spec)
    after = evaluated(planted, tmp_path / "after", spec)

    # The costs are reversed, so equal decisions earn the mirrored scores.
    for name in ("learned", "guarded", "tuned rule"):
        for position, problem in enumerate(
            p for p in table.problems if p.group == victim
        ):
            place = before.names.index(problem.name)
            score = before.scores[name][place]
            cost = problem.log_cost
            index = int(np.argmin(np.abs(cost - cost.min() - score)))
            mirrored = problems[table.problems.index(problem)].log_cost
            expected = mirrored[index] - mirrored.min()
            assert after.scores[name][place] == pytest.approx(expected), position


@pytest.mark.slow
def test_agent_counts_are_learned_and_baselines_are_rows(tmp_path: Path) -> None:
    with workflow_store(tmp_path / "store") as store:
        store.compact()
        table = learning_table(
            workflow_table(store.dataset), decision="agent_count", price_exponent=0.5
        )
    spec = replace(SPEC, decision="agent_count", price_exponent=0.5)

    rows = policy_rows(evaluated(table, tmp_path, spec), seed=0)

    named = {row.policy: row for row in rows}
    assert {"oracle", "rule", "tuned rule", "best constant", "half the cores"} <= set(
        named
    )
    assert named["learned"].slowdown < named["rule"].slowdown
    assert "| half the cores |" in markdown_table(rows)


def test_too_few_groups_are_not_enough_data(tmp_path: Path) -> None:
    with batch_store(tmp_path / "store", groups=3) as store:
        store.compact()
        frame = batch_table(store.dataset)

    with pytest.raises(NotEnoughDataError, match="3 groups"):
        learning_table(frame, decision="batch_size", price_exponent=0.0)


def test_censored_and_unfinished_batches_teach_nothing(tmp_path: Path) -> None:
    with batch_store(tmp_path / "store") as store:
        store.compact()
        frame = batch_table(store.dataset)
    frame.loc[0, "censored"] = True
    frame.loc[1, "cycle_s"] = np.nan

    kept = learning_table(frame, decision="batch_size", price_exponent=0.0).frame

    assert len(kept) == len(frame) - 2


def test_the_measured_cost_of_a_size_is_the_ratio_of_totals(
    table: LearningTable,
) -> None:
    problem = table.problems[0]
    rows = table.frame[table.frame["context_id"] == problem.name]
    two = rows[rows["size"] == 2]

    expected = np.log(two["cycle_s"].sum() / two["succeeded"].sum())

    assert problem.log_cost[1] == pytest.approx(expected)
