"""Simulated logs whose truth is known, to hold off-policy evaluation to its promises.

A world draws sessions from a full-factorial table; in each the rule decides, with a
chance of epsilon a uniform other choice among all actions on offer, and what it took is
paid for and logged with its propensity. What another policy would have cost is then
estimated from the log alone and compared with the table.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from toolkit.arrays import Floats, Ints
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.experiments.evaluation import cross_fitted_ridge, folds_of_clusters
from toolkit.experiments.tables import FullFactorial
from toolkit.metrics import BootstrapInterval
from toolkit.metrics.off_policy import (
    ESTIMATORS,
    LoggedDecisions,
    OverlapLimits,
    Sampling,
    check_overlap,
    compare_policies,
    estimate_policy,
    overlap,
)

__all__ = [
    "MODELS",
    "SCENARIOS",
    "EstimatorScore",
    "LogDesign",
    "Scenario",
    "ScenarioScore",
    "best_constant",
    "learned_elsewhere",
    "scenarios_of",
    "score_scenario",
    "simulate_log",
]


MAX_ACTIONS = 15
"""With more, epsilon spread over all of them leaves no overlap in 1,000 decisions."""
FOLDS = 5
SCENARIOS = ("constant", "learned", "no gain", "drift")
MODELS: dict[str, tuple[int, ...]] = {
    "fitted": (),
    "wrong": (0, 1),
    "half wrong": (1,),
}
"""A ridge on the log; turned round, so that what is dear is called cheap; and turned
round in every other problem, which no line through predictions and costs puts right.
Given are the remainders, by two, of the numbers of the problems where it is turned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogDesign:
    """How logs are simulated.

    Attributes
    ----------
    decisions : int
    sessions : int
        Clusters; each session is one problem of the table.
    epsilon : float
        Share of decisions, 0..1, that explore.
    noise : float
        Standard deviation of log cost between replicates.
    session_effect : float
        Standard deviation of what a session's decisions share, in log cost.
    drift : float
        Growth of log cost over the logged period in the scenario `drift`, half of it
        for every action and half in proportion to its distance from the rule's.
    """

    decisions: int = 1000
    sessions: int = 100
    epsilon: float = 0.3
    noise: float = 0.02
    session_effect: float = 0.1
    drift: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenario:
    """A table, the policy to evaluate, and the truth about it.

    Attributes
    ----------
    name : str
        One of `SCENARIOS`.
    table : FullFactorial
    target : ndarray of shape (problems,)
        Action the evaluated policy takes.
    drift : ndarray of shape (problems, actions)
        Growth of log cost over the period.
    value, difference : float
        Mean log cost of the target over the logged period, and that minus the rule's.
    later_difference : float
        The difference at the end of the period; the same without drift.
    """

    name: str
    table: FullFactorial
    target: Ints
    drift: Floats
    value: float
    difference: float
    later_difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatorScore:
    """How one estimator did over the worlds that were not refused.

    Attributes
    ----------
    quantity : str
        `value` of the policy or its `difference` to the rule.
    estimator : str
    model : str
        One of `MODELS`, or `none` where the estimator uses none.
    bias, bias_error : float
        Mean error in log cost, and its Monte-Carlo standard error.
    spread : float
        Standard deviation of the estimate.
    coverage : float
        Share, 0..1, of intervals that hold the truth.
    claims : float
        Share, 0..1, of intervals wholly below zero (differences only mean something).
    width : float
        Median width of the interval.
    """

    quantity: str
    estimator: str
    model: str
    bias: float
    bias_error: float
    spread: float
    coverage: float
    claims: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioScore:
    """What the worlds of one scenario showed.

    Attributes
    ----------
    table, scenario : str
    worlds, refused : int
        How many were simulated, and how many the overlap check refused.
    value, difference, later_difference : float
        The truth, in log cost.
    scores : tuple of EstimatorScore
        Empty where every world was refused.
    """

    table: str
    scenario: str
    worlds: int
    refused: int
    value: float
    difference: float
    later_difference: float
    scores: tuple[EstimatorScore, ...]

    def to_json(self) -> dict[str, Any]:
        """Write every figure as JSON types."""
        return asdict(self)


def best_constant(table: FullFactorial) -> Ints:
    """In each problem, the offered action nearest to the one size best on average.

    Parameters
    ----------
    table : FullFactorial

    Returns
    -------
    array of int, shape (problems,)
        Position of the action among those offered.
    """
    sizes = np.unique(table.sizes[table.offered].round(6))
    choices = [
        np.nanargmin(np.abs(table.sizes - size), axis=1).astype(np.int64)
        for size in sizes
    ]
    return min(choices, key=table.value)


def learned_elsewhere(table: FullFactorial) -> Ints:
    """In each problem, the best action by a ridge that has not seen its group.

    Parameters
    ----------
    table : FullFactorial

    Returns
    -------
    array of int, shape (problems,)
        Position of the action among those offered.
    """
    _, codes = np.unique(table.groups, return_inverse=True)
    problems, actions = np.nonzero(table.offered)
    coefficients = cross_fitted_ridge(
        table.features[problems, actions],
        table.log_costs[problems, actions],
        np.asarray(codes[problems]),
    )
    expected = np.einsum("pak,pk->pa", table.features, coefficients[codes])
    return np.asarray(
        np.argmin(np.where(table.offered, expected, np.inf), axis=1), dtype=np.int64
    )


def scenarios_of(table: FullFactorial, design: LogDesign) -> Iterator[Scenario]:
    """Pose every scenario that a table allows.

    `no gain` lifts the costs of the learned policy's actions where it departs from the
    rule until nothing is gained: the hardest case for false claims.

    Parameters
    ----------
    table : FullFactorial
    design : LogDesign
        How the logs would be drawn.

    Yields
    ------
    Scenario

    Raises
    ------
    UsageError
        The table offers more than 15 actions.
    """
    if table.largest_choice > MAX_ACTIONS:
        raise UsageError(
            f"{table.name} offers {table.largest_choice} actions; off-policy worlds "
            f"take tables with at most {MAX_ACTIONS}"
        )
    learned, still = learned_elsewhere(table), np.zeros_like(table.sizes)
    yield _scenario("constant", table, best_constant(table), still)
    if (learned == table.rule).all():
        return
    yield _scenario("learned", table, learned, still)
    yield _scenario("no gain", _without_gain(table, learned), learned, still)
    rows = np.arange(len(table.rule))
    away = np.abs(table.sizes - table.sizes[rows, table.rule][:, None])
    moving = design.drift / 2 * (1 + away / np.nanmax(away))
    yield _scenario("drift", table, learned, moving)


def simulate_log(
    scenario: Scenario, design: LogDesign, rng: np.random.Generator, *, model: str
) -> tuple[LoggedDecisions, LoggedDecisions]:
    """Log one world, seen by the evaluated policy and by the rule.

    Parameters
    ----------
    scenario : Scenario
    design : LogDesign
    rng : numpy.random.Generator
    model : str
        One of `MODELS`: which cost model the log carries.

    Returns
    -------
    target, rule : LoggedDecisions
    """
    table = scenario.table
    sessions = _session_of_each(design, rng)
    problems = rng.integers(len(table.rule), size=design.sessions)[sessions]
    actions, propensities = _explored(table, problems, design.epsilon, rng)
    when = rng.uniform(size=design.sessions)[sessions]
    costs = (
        table.log_costs[problems, actions]
        + when * scenario.drift[problems, actions]
        + rng.normal(0, design.session_effect, size=design.sessions)[sessions]
        + rng.normal(0, design.noise, size=design.decisions)
    )
    folds = folds_of_clusters(sessions, FOLDS, rng)
    fitted = cross_fitted_ridge(table.features[problems, actions], costs, folds)
    # The rows of a fold may not vote on where its predictions are turned round either.
    middle = np.array([costs[folds != fold].mean() for fold in range(FOLDS)])[folds]
    turned = np.isin(problems % 2, MODELS[model])

    def expected(taken: Ints) -> Floats:
        answer = (table.features[problems, taken] * fitted[folds]).sum(axis=1)
        return np.asarray(np.where(turned, 2 * middle - answer, answer), np.float64)

    def seen_by(policy: Ints) -> LoggedDecisions:
        return LoggedDecisions(
            costs=costs,
            propensities=propensities,
            target=(actions == policy[problems]).astype(np.float64),
            clusters=sessions,
            predicted=expected(actions),
            predicted_target=expected(policy[problems]),
        )

    return seen_by(scenario.target), seen_by(table.rule)


def score_scenario(
    scenario: Scenario,
    design: LogDesign,
    *,
    worlds: int,
    rng: np.random.Generator,
    sampling: Sampling,
    limits: OverlapLimits,
    tick: Callable[[], None] = lambda: None,
) -> ScenarioScore:
    """Simulate worlds and score every estimator in them.

    Parameters
    ----------
    scenario : Scenario
    design : LogDesign
    worlds : int
    rng : numpy.random.Generator
    sampling : Sampling
    limits : OverlapLimits
        A world that does not meet them is refused and counted apart.
    tick : callable
        Called after each world.

    Returns
    -------
    ScenarioScore
    """
    found: dict[tuple[str, str, str], list[BootstrapInterval]] = {}
    refused = 0
    for _ in range(worlds):
        seed = int(rng.integers(2**62))
        views = {
            model: simulate_log(
                scenario, design, np.random.default_rng(seed), model=model
            )
            for model in MODELS
        }
        log, rule = views["fitted"]
        try:
            check_overlap(
                overlap(log, reference=rule, limits=limits), limits, policy="target"
            )
        except NotEnoughDataError:
            refused += 1
        else:
            for key, interval in _intervals(views, sampling, rng):
                found.setdefault(key, []).append(interval)
        tick()
    truths = {"value": scenario.value, "difference": scenario.difference}
    return ScenarioScore(
        table=scenario.table.name,
        scenario=scenario.name,
        worlds=worlds,
        refused=refused,
        value=scenario.value,
        difference=scenario.difference,
        later_difference=scenario.later_difference,
        scores=tuple(_score(key, each, truths[key[0]]) for key, each in found.items()),
    )


def _scenario(name: str, table: FullFactorial, target: Ints, drift: Floats) -> Scenario:
    half, whole = (
        replace(table, log_costs=table.log_costs + share * drift) for share in (0.5, 1)
    )
    return Scenario(
        name=name,
        table=table,
        target=target,
        drift=drift,
        value=half.value(target),
        difference=half.value(target) - half.value(table.rule),
        later_difference=whole.value(target) - whole.value(table.rule),
    )


def _without_gain(table: FullFactorial, target: Ints) -> FullFactorial:
    departs = np.flatnonzero(target != table.rule)
    gain = table.value(table.rule) - table.value(target)
    costs = table.log_costs.copy()
    costs[departs, target[departs]] += gain * len(target) / len(departs)
    return replace(table, log_costs=costs)


def _session_of_each(design: LogDesign, rng: np.random.Generator) -> Ints:
    """Deal decisions to sessions of uneven length, none empty."""
    shares = rng.dirichlet(np.full(design.sessions, 2.0))
    extra = rng.multinomial(design.decisions - design.sessions, shares)
    return np.repeat(np.arange(design.sessions), 1 + extra)


def _explored(
    table: FullFactorial,
    problems: Ints,
    epsilon: float,
    rng: np.random.Generator,
) -> tuple[Ints, Floats]:
    """Take the rule's action, or with a chance of epsilon any on offer, the rule's too."""
    offered = table.offered[problems]
    choices = offered.sum(axis=1)
    # The n-th offered action, where a problem does not offer all columns.
    nth = (rng.uniform(size=len(problems)) * choices).astype(np.int64)
    other = np.argmax(np.cumsum(offered, axis=1) > nth[:, None], axis=1)
    rule = table.rule[problems]
    taken = np.where(rng.uniform(size=len(problems)) < epsilon, other, rule)
    chance = epsilon / choices + np.where(taken == rule, 1 - epsilon, 0.0)
    return np.asarray(taken, dtype=np.int64), np.asarray(chance, dtype=np.float64)


def _intervals(
    views: dict[str, tuple[LoggedDecisions, LoggedDecisions]],
    sampling: Sampling,
    rng: np.random.Generator,
) -> Iterator[tuple[tuple[str, str, str], BootstrapInterval]]:
    for model, (log, rule) in views.items():
        for estimator in ESTIMATORS:
            needs_model = estimator.name not in ("ips", "snips")
            if not needs_model and model != "fitted":
                continue
            named = (estimator.name, model if needs_model else "none")
            value = estimate_policy(estimator, log, rng=rng, sampling=sampling)
            yield ("value", *named), value
            difference = compare_policies(
                estimator, log, rule, rng=rng, sampling=sampling
            )
            yield ("difference", *named), difference


def _score(
    key: tuple[str, str, str], found: list[BootstrapInterval], truth: float
) -> EstimatorScore:
    estimates = np.array([each.estimate for each in found])
    low = np.array([each.low for each in found])
    high = np.array([each.high for each in found])
    spread = float(estimates.std())
    return EstimatorScore(
        quantity=key[0],
        estimator=key[1],
        model=key[2],
        bias=float(estimates.mean()) - truth,
        bias_error=spread / float(np.sqrt(len(found))),
        spread=spread,
        coverage=float(((low <= truth) & (truth <= high)).mean()),
        claims=float((high < 0).mean()),
        width=float(np.median(high - low)),
    )
