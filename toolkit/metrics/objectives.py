"""The five objectives: counted, bounded, followed over time, and held to their claims.

Pure counting: the reader of the records fills `Trials` a period; this file says what
they mean. No data is *no data*, never 0 or 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from toolkit.errors import UsageError
from toolkit.metrics.interval import ShareInterval, clustered_wilson, wilson

__all__ = [
    "OBJECTIVES",
    "Burn",
    "Claim",
    "Objective",
    "ObjectiveReport",
    "Period",
    "Trials",
    "Verdict",
    "claim_of",
    "objective_report",
    "parted",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One objective of the specification, section 6.

    Attributes
    ----------
    name : str
    target : float
        Share to reach, 0 to 1.
    measurement : str
        What is divided by what (definitions, section 6).
    claim : str
        The specification's `improvement` string: a claim, not a fact.
    claimed_gain, claimed_share : float or None
        What the claim says in numbers: a gain over the baseline period relative to it,
        or a share that is reached; both `None` where it says nothing countable.
    """

    name: str
    target: float
    measurement: str
    claim: str
    claimed_gain: float | None = None
    claimed_share: float | None = None


OBJECTIVES: tuple[Objective, ...] = (
    Objective(
        name="coordination_efficiency",
        target=0.85,
        measurement="successful coordination events / attempts",
        claim="15%_over_baseline",
        claimed_gain=0.15,
    ),
    Objective(
        name="parallel_execution_rate",
        target=0.90,
        measurement="operations that overlapped another / timed operations",
        claim="40%_faster_completion",
        claimed_gain=0.40,
    ),
    Objective(
        name="workflow_reliability",
        target=0.95,
        measurement="workflows completed / attempted",
        claim="99%_reliability_target",
        claimed_share=0.99,
    ),
    Objective(
        name="memory_consistency",
        target=0.99,
        measurement="consistent states / checks",
        claim="near_perfect_consistency",
        claimed_share=0.99,
    ),
    Objective(
        name="self_healing_effectiveness",
        target=0.80,
        measurement="recoveries whose post-condition held / issues detected",
        claim="proactive_issue_prevention",
    ),
)
"""The specification's five, verbatim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Successes out of trials.

    Examples
    --------
    >>> Trials(successes=3, count=4) + Trials(successes=1, count=1)
    Trials(successes=4, count=5)
    """

    successes: int = 0
    count: int = 0

    def __post_init__(self) -> None:
        """Check the counts.

        Raises
        ------
        UsageError
            More successes than trials, or fewer than none.
        """
        if not 0 <= self.successes <= self.count:
            raise UsageError(
                f"successes must be within 0 to {self.count}, got {self.successes}"
            )

    def __add__(self, other: "Trials") -> "Trials":
        return Trials(
            successes=self.successes + other.successes, count=self.count + other.count
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What was counted in one stretch of time.

    Attributes
    ----------
    label : str
        A day, `2026-01-05`; periods are ordered by it.
    trials : mapping of str to Trials
        By objective; one that is missing saw no data.
    seconds_per_operation : float or None
        Mean cost of an operation, for the claim of faster completion.
    """

    label: str
    trials: Mapping[str, Trials]
    seconds_per_operation: tuple[float, int] | None = None
    """Cycle seconds and operations that succeeded, in this period."""
    sessions: Mapping[str, Mapping[str, Trials]] = field(default_factory=dict)
    """By objective and session: intervals count sessions, not single events."""


class Verdict(StrEnum):
    """Whether a share meets its target, with 95 % confidence."""

    MET = "met"
    MISSED = "missed"
    OPEN = "open"
    """The interval holds the target: more data would tell."""
    NO_DATA = "no data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Burn:
    """How fast one period used up what the target allows to fail.

    Attributes
    ----------
    label : str
    trials : Trials
    rate : float or None
        Failed share / allowed share: 1 is just on target, 2 twice too many; `None` is
        a period without data.
    """

    label: str
    trials: Trials
    rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim of the specification beside what was measured.

    Attributes
    ----------
    claim : str
        As the specification words it.
    claimed, measured : float or None
        The gain over the baseline, or the share; `None` where the claim has no number,
        or there is no data on one side.
    verdict : Verdict
    reason : str
        What was compared, or why nothing could be.
    """

    claim: str
    claimed: float | None
    measured: float | None
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveReport:
    """One objective over all periods after the baseline."""

    objective: Objective
    trials: Trials
    interval: ShareInterval | None
    verdict: Verdict
    burn: tuple[Burn, ...]
    claim: Claim


def objective_report(
    objective: Objective, periods: Sequence[Period], baseline: Sequence[Period]
) -> ObjectiveReport:
    """Report on one objective.

    Parameters
    ----------
    objective : Objective
    periods : sequence of Period
        What is judged, in order of time.
    baseline : sequence of Period
        What its claim is measured against; may be empty.

    Returns
    -------
    ObjectiveReport
        Verdict, burn by period and claim; a verdict of `no data` without trials.

    Examples
    --------
    >>> day = Period(label="2026-01-05", trials={})
    >>> objective_report(OBJECTIVES[0], [day], []).verdict.value
    'no data'
    """
    counted = [p.trials.get(objective.name, Trials()) for p in periods]
    trials = sum(counted, Trials())
    interval = _interval(objective.name, periods)
    return ObjectiveReport(
        objective=objective,
        trials=trials,
        interval=interval,
        verdict=_verdict(interval, objective.target),
        burn=tuple(
            _burn(period.label, seen, objective.target)
            for period, seen in zip(periods, counted, strict=True)
        ),
        claim=claim_of(objective, periods, baseline),
    )


def claim_of(
    objective: Objective, periods: Sequence[Period], baseline: Sequence[Period]
) -> Claim:
    """Measure an `improvement` claim.

    A claimed share is compared with the share itself. A claimed gain is compared with
    the gain over the baseline period: of the success share, or, for faster completion,
    of the seconds per successful operation.
    """
    name = objective.name
    now = _total(name, periods)
    if objective.claimed_share is not None:
        return _share_claim(objective, objective.claimed_share, now, periods)
    if objective.claimed_gain is None:
        return _unmeasured(objective, None, "the claim names no quantity")
    if name == "parallel_execution_rate":
        return _speed_claim(objective, periods, baseline)
    before = _total(name, baseline)
    if not before.count or not now.count:
        side = "baseline period" if not before.count else "period judged"
        return _unmeasured(objective, objective.claimed_gain, f"no data in the {side}")
    if not before.successes:
        reason = "nothing succeeded in the baseline period"
        return _unmeasured(objective, objective.claimed_gain, reason)
    return _gain_claim(
        objective,
        objective.claimed_gain,
        (before, _interval(name, baseline)),
        (now, _interval(name, periods)),
    )


def _interval(name: str, periods: Iterable[Period]) -> ShareInterval | None:
    """Bound a share over periods, with the sessions as clusters where they are known."""
    seen = list(periods)
    total = _total(name, seen)
    if not total.count:
        return None
    clusters: dict[str, Trials] = {}
    for period in seen:
        for session, trials in period.sessions.get(name, {}).items():
            clusters[session] = clusters.get(session, Trials()) + trials
    if sum(each.count for each in clusters.values()) != total.count:
        return wilson(total.successes, total.count)
    return clustered_wilson([(t.successes, t.count) for t in clusters.values()])


def parted(
    objective: Objective, periods: Sequence[Period], *, share: float
) -> tuple[list[Period], list[Period]]:
    """Part periods into a baseline and those judged, for one objective.

    Parameters
    ----------
    objective : Objective
    periods : sequence of Period
        In order of time.
    share : float
        Part of the periods *with data of this objective* that are the baseline.

    Returns
    -------
    tuple of list of Period
        The baseline, and what is judged.
    """
    held = [period for period in periods if _holds(objective, period)]
    cut = int(len(held) * share)
    if not cut:
        return [], list(periods)
    last = held[cut - 1].label
    before = [period for period in periods if period.label <= last]
    return before, list(periods[len(before) :])


def _holds(objective: Objective, period: Period) -> bool:
    if objective.name == "parallel_execution_rate":
        return period.seconds_per_operation is not None
    return bool(period.trials.get(objective.name, Trials()).count)


def _total(name: str, periods: Iterable[Period]) -> Trials:
    return sum((p.trials.get(name, Trials()) for p in periods), Trials())


def _verdict(interval: ShareInterval | None, target: float) -> Verdict:
    if interval is None:
        return Verdict.NO_DATA
    if interval.low >= target:
        return Verdict.MET
    return Verdict.MISSED if interval.high < target else Verdict.OPEN


def _burn(label: str, trials: Trials, target: float) -> Burn:
    if not trials.count:
        return Burn(label=label, trials=trials, rate=None)
    failed = 1 - trials.successes / trials.count
    return Burn(label=label, trials=trials, rate=failed / (1 - target))


def _share_claim(
    objective: Objective, claimed: float, now: Trials, periods: Sequence[Period]
) -> Claim:
    interval = _interval(objective.name, periods)
    if interval is None:
        return _unmeasured(objective, claimed, "no data in the period judged")
    return Claim(
        claim=objective.claim,
        claimed=claimed,
        measured=interval.estimate,
        verdict=_verdict(interval, claimed),
        reason=f"share of {now.count}, 95 % interval "
        f"{interval.low:.3f} to {interval.high:.3f}",
    )


def _gain_claim(
    objective: Objective,
    claimed: float,
    before: tuple[Trials, ShareInterval | None],
    now: tuple[Trials, ShareInterval | None],
) -> Claim:
    """Compare two shares; the gain's bounds combine the two intervals.

    Bounds from the ends of both intervals hold with at least 90 % confidence; that
    they are wide is the honest part.
    """
    (old_trials, old), (new_trials, new) = before, now
    if old is None or new is None:
        return _unmeasured(objective, claimed, "no data on one side")
    low = new.low / old.high - 1
    high = new.high / old.low - 1 if old.low > 0 else float("inf")
    verdict = Verdict.OPEN
    if low >= claimed:
        verdict = Verdict.MET
    elif high < claimed:
        verdict = Verdict.MISSED
    return Claim(
        claim=objective.claim,
        claimed=claimed,
        measured=new.estimate / old.estimate - 1,
        verdict=verdict,
        reason=f"share {new.estimate:.3f} of {new_trials.count}, "
        f"baseline {old.estimate:.3f} of {old_trials.count}",
    )


def _speed_claim(
    objective: Objective, periods: Sequence[Period], baseline: Sequence[Period]
) -> Claim:
    claimed = objective.claimed_gain
    new, old = _cost(periods), _cost(baseline)
    if new is None or old is None:
        side = "baseline period" if old is None else "period judged"
        return _unmeasured(objective, claimed, f"no timed batches in the {side}")
    gain = 1 - new / old
    met = claimed is not None and gain >= claimed
    return Claim(
        claim=objective.claim,
        claimed=claimed,
        measured=gain,
        verdict=Verdict.MET if met else Verdict.MISSED,
        reason=f"{new:.2f} s an operation, baseline {old:.2f} s; "
        "a ratio of totals, without an interval",
    )


def _cost(periods: Sequence[Period]) -> float | None:
    known = [p.seconds_per_operation for p in periods if p.seconds_per_operation]
    operations = sum(count for _, count in known)
    if not operations:
        return None
    spent_s = sum(seconds for seconds, _ in known)
    return spent_s / operations if spent_s > 0 else None


def _unmeasured(objective: Objective, claimed: float | None, reason: str) -> Claim:
    return Claim(
        claim=objective.claim,
        claimed=claimed,
        measured=None,
        verdict=Verdict.NO_DATA,
        reason=reason,
    )
