"""Bounds of outcomes: what they learn, and whether the stated probability comes true."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from toolkit.bundle import Column, FeatureSchema
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.experiments.training.outcome_fit import check_constraints, fit_outcomes
from toolkit.models import DecisionTable
from toolkit.policies import Constraint, Problem

SIZES = (1.0, 2.0, 4.0, 8.0, 16.0)
ASKED = Constraint(name="p95_s", at_most=8.0, probability=0.9)


def table(
    seed: int, *, groups: int = 24, apart: float = 0.3, known: bool = True
) -> DecisionTable:
    """Durations grow with the size and the load, and differ from group to group."""
    rng = np.random.default_rng(seed)
    schema = FeatureSchema(
        context=(Column(name="load"),), action=(Column(name="size"),)
    )
    problems, outcomes, names = [], [], []
    for group in range(groups):
        own = rng.normal(0, apart)
        for load in rng.uniform(0, 1, size=2):
            log_s = np.log(SIZES) * 0.9 + load + own + rng.normal(0, 0.05, len(SIZES))
            problems.append(Problem.of("size", SIZES, load=float(load)))
            outcomes.append(np.exp(log_s) if known else np.full(len(SIZES), np.nan))
            names.append(f"g{group:03d}")
    count = len(problems)
    return DecisionTable(
        name="made",
        cost="cost",
        schema=schema,
        problems=tuple(problems),
        log_costs=(-np.log(SIZES),) * count,
        groups=tuple(names),
        names=tuple(map(str, range(count))),
        rules=(2,) * count,
        weights=(np.ones(len(SIZES)),) * count,
        axes=(0,),
        outcomes={"p95_s": tuple(outcomes)},
    )


def kept(
    learned: DecisionTable, new: DecisionTable, asked: Constraint
) -> tuple[int, int]:
    """Count what is promised in new groups, and how often even the worst choice keeps it."""
    bounds = fit_outcomes(learned, [asked]).bounds
    promised = held = 0
    for place, problem in enumerate(new.problems):
        encoded = new.schema.encode_context(problem.context).astype(np.float64)
        allowed = bounds.permitted(encoded, np.log2(problem.actions)).allowed
        if allowed.any():
            promised += 1
            worst = new.outcomes["p95_s"][place][allowed].max()
            held += bool(worst <= asked.at_most)
    return promised, held


@pytest.mark.parametrize(
    ("at_most", "probability", "promised_at_least"),
    [(8.0, 0.9, 0.8), (8.0, 0.8, 0.9), (3.0, 0.9, 0.3)],
)
def test_the_stated_probability_holds_in_groups_that_were_not_seen(
    at_most: float, probability: float, promised_at_least: float
) -> None:
    asked = replace(ASKED, at_most=at_most, probability=probability)
    counts = np.array(
        [kept(table(seed), table(seed + 1000), asked) for seed in range(50)]
    )
    promised, held = counts.sum(axis=0)

    # 50 histories of 24 groups, each asked 48 times; the error of the mean is about 1 %
    assert promised > promised_at_least * 50 * 48
    assert held / promised >= probability - 0.02


def test_hardly_anything_is_promised_of_a_limit_that_few_groups_keep() -> None:
    asked = replace(ASKED, at_most=1.2)
    promised = sum(kept(table(s), table(s + 1000), asked)[0] for s in range(20))

    assert promised <= 0.02 * 20 * 48


def test_the_margin_grows_with_what_sets_groups_apart() -> None:
    alike, apart = (
        fit_outcomes(table(3, apart=spread), [ASKED]).bounds.outcomes[0].deviation
        for spread in (0.05, 0.6)
    )

    assert apart > 3 * alike


def test_groups_that_were_left_out_are_told_what_the_bundle_would_say() -> None:
    made = table(1)
    fitted = fit_outcomes(made, [ASKED])

    for place, found in enumerate(fitted.held_out):
        costs = fitted.among(place, made.log_costs[place])
        assert np.isfinite(costs).tolist() == found.allowed.tolist()
        assert all(
            found.allowed[fitted.bind(place, index)] for index in range(len(SIZES))
        )


def test_too_few_groups_permit_nothing() -> None:
    few = fit_outcomes(table(1, groups=8), [ASKED])

    assert few.bounds.margin is None
    assert not any(found.allowed.any() for found in few.held_out)
    with pytest.raises(NotEnoughDataError, match="8 groups, at least 9 needed"):
        check_constraints(table(1, groups=8), [ASKED])


def test_a_limit_that_nothing_keeps_permits_nothing() -> None:
    fitted = fit_outcomes(table(1), [replace(ASKED, at_most=0.01)])

    assert fitted.bounds.margin is None


def test_each_of_two_constraints_is_kept() -> None:
    made = table(1)
    tokens = tuple(1e4 / values for values in made.outcomes["p95_s"])
    both: Mapping[str, tuple[np.ndarray, ...]] = {**made.outcomes, "tokens": tokens}
    asked = [ASKED, Constraint(name="tokens", at_most=4000.0, probability=0.8)]

    fitted = fit_outcomes(replace(made, outcomes=both), asked)

    broken = [
        any(
            (values[found.allowed] > each.at_most).any()
            for values, each in (
                (made.outcomes["p95_s"][i], ASKED),
                (tokens[i], asked[1]),
            )
        )
        for i, found in enumerate(fitted.held_out)
        if found.allowed.any()
    ]
    assert len(broken) > 24
    assert np.mean(broken) <= 0.3


@pytest.mark.parametrize("known", [True, False])
def test_only_outcomes_that_the_table_knows_may_be_constrained(known: bool) -> None:
    made = table(1, known=known)
    name = "tokens" if known else "p95_s"

    with pytest.raises(UsageError, match="outcome of a constraint"):
        check_constraints(made, [replace(ASKED, name=name)])


def test_actions_that_were_not_assigned_show_nothing() -> None:
    with pytest.raises(NotEnoughDataError, match="measured with several actions"):
        check_constraints(replace(table(1), observed=True), [ASKED])
