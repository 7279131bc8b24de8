"""What another batch-size policy would have cost, from a store's own records.

The cost is a ratio of expectations, seconds per operation that succeeds, so numerator
and denominator are estimated each and divided (definitions, section 1).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats
from toolkit.errors import NotEnoughDataError
from toolkit.experiments.evaluation.cross_fitting import (
    cross_fitted_ridge,
    folds_of_clusters,
)
from toolkit.metrics import BootstrapInterval
from toolkit.metrics.off_policy import (
    ESTIMATORS,
    LoggedDecisions,
    OffPolicyEstimator,
    Overlap,
    OverlapLimits,
    Sampling,
    check_overlap,
    compare_policies,
    estimate_policy,
    overlap,
)
from toolkit.policies import Decision, Policy, Problem
from toolkit.records import Batch, Provenance

__all__ = [
    "OffPolicyReport",
    "PolicyEstimate",
    "RuleWhereUnsupported",
    "evaluate_batch_policy",
]


LARGEST_OFFERED = 20
"""Largest size of the specification's table; a larger one that was logged counts too."""
FOLDS = 5
NO_SESSION = "no session"
"""Batches of unknown session form one cluster: they are not known to be independent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEstimate:
    """One estimator's answer.

    Attributes
    ----------
    estimator : str
    cost : BootstrapInterval
        Seconds per operation that succeeds.
    log_gain : BootstrapInterval
        Logarithm of that cost over the reference policy's; below 0 is cheaper.
    """

    estimator: str
    cost: BootstrapInterval
    log_gain: BootstrapInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPolicyReport:
    """A policy judged from the log of another.

    Attributes
    ----------
    policy, reference : str
    batches : int
        Used.
    left_out : dict of str to int
        Batches not used, by reason.
    overlap : Overlap
    estimates : tuple of PolicyEstimate
        Of the estimators that can answer, at least one.
    unanswered : dict of str to str
        Why each of the others cannot.
    """

    policy: str
    reference: str
    batches: int
    left_out: dict[str, int]
    overlap: Overlap
    estimates: tuple[PolicyEstimate, ...]
    unanswered: dict[str, str] = field(default_factory=dict)

    @property
    def shows_improvement(self) -> bool:
        """Whether the doubly robust interval lies wholly below the reference.

        Without that estimator's answer nothing is shown.
        """
        return any(
            each.log_gain.high < 0 for each in self.estimates if each.estimator == "dr"
        )

    def to_json(self) -> dict[str, Any]:
        """Write every figure as JSON types.

        Returns
        -------
        dict
        """
        return {**asdict(self), "shows_improvement": self.shows_improvement}


class RuleWhereUnsupported:
    """A learned policy as the runtime uses it: the rule answers outside its support.

    Parameters
    ----------
    learned, rule : Policy
    offered : sequence of float
        Actions that the learned one chooses from, where they are on offer; all if empty.
    name : str, optional
        What results call it; the learned policy's name unless given.
    """

    def __init__(
        self,
        learned: Policy,
        rule: Policy,
        *,
        offered: Sequence[float] = (),
        name: str | None = None,
    ) -> None:
        self.learned = learned
        self.rule = rule
        self.offered = tuple(offered)
        self.name = name or learned.name

    def decide(self, problem: Problem) -> Decision:
        """Take the learned action, or the rule's."""
        kept = np.arange(len(problem.actions))
        if self.offered:
            kept = np.flatnonzero(np.isin(problem.actions[:, 0], self.offered))
        if not len(kept):
            return self.rule.decide(problem)
        labels = tuple(problem.labels[row] for row in kept)
        own = replace(problem, actions=problem.actions[kept], labels=labels)
        try:
            decision = self.learned.decide(own)
        except NotEnoughDataError:
            return self.rule.decide(problem)
        return replace(decision, index=int(kept[decision.index]), curve=None)


def evaluate_batch_policy(
    batches: Iterable[Batch],
    *,
    policy: Policy,
    reference: Policy,
    rng: np.random.Generator,
    limits: OverlapLimits,
    sampling: Sampling,
    simulated: bool = False,
) -> OffPolicyReport:
    """Estimate what a batch-size policy would have cost, against another one.

    Parameters
    ----------
    batches : iterable of Batch
    policy, reference : Policy
        Deterministic; decide on a problem whose action column is `size`.
    rng : numpy.random.Generator
    limits : OverlapLimits
    sampling : Sampling
    simulated : bool
        Use records marked as simulated too.

    Returns
    -------
    OffPolicyReport
        Estimates with intervals over sessions, and what the records do not support.

    Raises
    ------
    NotEnoughDataError
        Propensities are missing, the logging policy never took the policy's sizes, too
        few batches overlap, or no estimator can answer.
    """
    used, left_out = _usable(batches, simulated=simulated)
    question = f"an off-policy estimate of `{policy.name}`"
    if not used:
        why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise NotEnoughDataError(
            f"{question} ({why or 'the store has no batches'})",
            got=0,
            needed=limits.matched,
            unit="batches with a propensity and a known cost",
        )
    sizes = range(1, max(LARGEST_OFFERED, *(batch.size for batch in used)) + 1)
    log = _Log(used)
    target, other = (log.sizes_of(each, sizes) for each in (policy, reference))
    _check(log, target, other, limits, policy.name)
    expected = log.cost_model(rng)
    seconds, reference_seconds, per, reference_per = (
        log.seen_by(taken, outcome, expected)
        for outcome in (0, 1)
        for taken in (target, other)
    )
    compared = not np.array_equal(target, other)
    found = overlap(seconds, reference=reference_seconds if compared else None)
    estimates, unanswered = _answers(
        (seconds, reference_seconds), (per, reference_per), rng=rng, sampling=sampling
    )
    return OffPolicyReport(
        policy=policy.name,
        reference=reference.name,
        batches=len(used),
        left_out=left_out,
        overlap=found,
        estimates=tuple(estimates),
        unanswered=unanswered,
    )


def _answers(
    seconds: tuple[LoggedDecisions, LoggedDecisions],
    per: tuple[LoggedDecisions, LoggedDecisions],
    *,
    rng: np.random.Generator,
    sampling: Sampling,
) -> tuple[list[PolicyEstimate], dict[str, str]]:
    """Ask every estimator; one that cannot answer silences no other.

    Raises
    ------
    NotEnoughDataError
        The first one's, where none can answer.
    """
    estimates: list[PolicyEstimate] = []
    refused: dict[str, NotEnoughDataError] = {}
    for each in ESTIMATORS:
        drawn = np.random.default_rng(rng.integers(2**63))
        try:
            estimates.append(
                _estimate(each, seconds, per, rng=drawn, sampling=sampling)
            )
        except NotEnoughDataError as error:
            refused[each.name] = error
    if not estimates:
        raise next(iter(refused.values()))
    return estimates, {name: str(error) for name, error in refused.items()}


def _estimate(
    estimator: OffPolicyEstimator,
    seconds: tuple[LoggedDecisions, LoggedDecisions],
    per: tuple[LoggedDecisions, LoggedDecisions],
    *,
    rng: np.random.Generator,
    sampling: Sampling,
) -> PolicyEstimate:
    return PolicyEstimate(
        estimator=estimator.name,
        cost=estimate_policy(
            estimator, seconds[0], rng=rng, sampling=sampling, per=per[0]
        ),
        log_gain=compare_policies(
            estimator,
            *seconds,
            rng=rng,
            sampling=sampling,
            per=per[0],
            reference_per=per[1],
        ),
    )


def _usable(
    batches: Iterable[Batch], *, simulated: bool
) -> tuple[list[Batch], dict[str, int]]:
    """Split batches into those that can be weighed and the count of the others."""
    used: list[Batch] = []
    left_out: Counter[str] = Counter()
    for batch in batches:
        if batch.provenance is Provenance.SUSPECT:
            left_out["suspect"] += 1
        elif batch.provenance is Provenance.SIMULATED and not simulated:
            left_out["simulated"] += 1
        elif batch.cycle_s is None or batch.succeeded is None or batch.censored:
            left_out["without a known cost"] += 1
        elif not batch.propensity:
            left_out["without a propensity"] += 1
        elif batch.agent_chose:
            left_out["whose size the agent chose"] += 1
        else:
            used.append(batch)
    return used, dict(left_out)


def _check(
    log: "_Log",
    target: Floats,
    other: Floats,
    limits: OverlapLimits,
    name: str,
) -> None:
    """Refuse either policy's value, then their difference."""
    views = [log.seen_by(taken, 0, None) for taken in (target, other)]
    check_overlap(overlap(views[0]), limits, policy=name)
    check_overlap(overlap(views[1]), limits, policy=f"{name} (its reference)")
    if not np.array_equal(target, other):
        found = overlap(views[0], reference=views[1])
        check_overlap(found, limits, policy=name)


class _Log:
    """The columns of a list of batches."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self.batches = batches
        self.sizes = np.array([batch.size for batch in batches], dtype=np.float64)
        self.outcomes = np.array(
            [[batch.cycle_s, batch.succeeded] for batch in batches], dtype=np.float64
        ).T
        self.propensities = np.array(
            [batch.propensity for batch in batches], dtype=np.float64
        )
        names = [batch.session_id or batch.group_id or NO_SESSION for batch in batches]
        _, self.clusters = np.unique(names, return_inverse=True)
        self.types = sorted({batch.operation_type for batch in batches})

    def sizes_of(self, policy: Policy, offered: Iterable[int]) -> Floats:
        """Ask a policy for every batch."""
        sizes = list(offered)
        return np.array(
            [
                policy.decide(Problem.of("size", sizes, **_context(batch))).action[0]
                for batch in self.batches
            ],
            dtype=np.float64,
        )

    def design(self, sizes: Floats) -> Floats:
        """Let cost be linear in the size and its logarithm, for each type its own."""
        kinds = np.array(
            [
                [batch.operation_type == kind for kind in self.types]
                for batch in self.batches
            ],
            dtype=np.float64,
        )
        load = np.array([batch.load_cpu or 0.0 for batch in self.batches])
        scale = self.sizes.max()
        return np.column_stack(
            [
                np.ones_like(sizes),
                kinds,
                kinds * (sizes / scale)[:, None],
                np.log(sizes) / max(1.0, np.log(scale)),
                load,
                load * sizes / scale,
            ]
        )

    def cost_model(self, rng: np.random.Generator) -> "_CostModel":
        """Fit both outcomes on folds of whole clusters."""
        folds = folds_of_clusters(self.clusters, FOLDS, rng)
        design = self.design(self.sizes)
        return _CostModel(
            folds=folds,
            coefficients=tuple(
                cross_fitted_ridge(design, outcome, folds) for outcome in self.outcomes
            ),
        )

    def seen_by(
        self, taken: Floats, outcome: int, model: "_CostModel | None"
    ) -> LoggedDecisions:
        """Show one outcome to the policy that would have taken these sizes."""

        def expected(sizes: Floats) -> Floats | None:
            return None if model is None else model.expect(self.design(sizes), outcome)

        return LoggedDecisions(
            costs=self.outcomes[outcome],
            propensities=self.propensities,
            target=(taken == self.sizes).astype(np.float64),
            clusters=self.clusters,
            predicted=expected(self.sizes),
            predicted_target=expected(taken),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _CostModel:
    """A ridge for each fold and outcome."""

    folds: NDArray[np.int64]
    coefficients: tuple[Floats, ...]

    def expect(self, design: Floats, outcome: int) -> Floats:
        fitted = self.coefficients[outcome][self.folds]
        return np.asarray((design * fitted).sum(axis=1), dtype=np.float64)


def _context(batch: Batch) -> dict[str, Any]:
    """List what a batch's record knew before it began."""
    return {
        "operation_type": batch.operation_type,
        "load_cpu": batch.load_cpu,
        "load_memory": batch.load_memory,
        "load_io": batch.load_io,
        "active_agents": None
        if batch.active_agents is None
        else float(batch.active_agents),
        "coordination_complexity": batch.coordination_complexity,
        "read_share": batch.read_share,
        "operation_bytes": batch.operation_bytes,
        "failure_rate": batch.failure_rate,
        "model": batch.model,
        "workers": None if batch.workers is None else float(batch.workers),
        **(batch.numbers or {}),
        **(batch.categories or {}),
    }
