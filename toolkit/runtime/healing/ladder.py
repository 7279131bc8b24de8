"""Choice of the rungs for a finding: the smallest that fits first."""

from collections.abc import Sequence

from toolkit.runtime.healing.check_result import Finding
from toolkit.runtime.healing.issues import LadderStep, Reach
from toolkit.runtime.healing.learnings import Learnings
from toolkit.runtime.healing.plan import HealingPlan
from toolkit.runtime.healing.requests import REQUESTED_CAUSE

__all__ = ["delay_of", "rungs_after_relapse", "rungs_for"]

PREVENTIVE_RUNGS = 2
"""A forecast is treated gently: with the first rungs only."""


def delay_of(finding: Finding, plan: HealingPlan) -> str:
    """Name the band of a finding's silence, `any` where it is no silence."""
    if finding.silent_s is None:
        return "any"
    return plan.bands.delay_name(finding.silent_s, finding.allowance_s or 0.0)


def rungs_for(
    finding: Finding, plan: HealingPlan, learnings: Learnings, *, preventive: bool
) -> tuple[LadderStep, ...]:
    """Choose the rungs of a new session.

    Parameters
    ----------
    finding : Finding
    plan : HealingPlan
    learnings : Learnings
        May reorder the ladder.
    preventive : bool

    Returns
    -------
    tuple of LadderStep
        Empty where the plan has no ladder for the issue: a person is called at once.
        A rung that restarts the whole swarm is in it only where the cause is the
        swarm's.
    """
    ladder = plan.ladders.get(finding.issue, ())
    ladder = learnings.order(finding.issue, ladder, delay_of(finding, plan))
    ladder = _fitting(ladder, finding)
    if preventive:
        return ladder[:PREVENTIVE_RUNGS]
    return _from(ladder, _first(finding, plan))


def rungs_after_relapse(
    finding: Finding,
    plan: HealingPlan,
    *,
    ahead: Sequence[LadderStep],
    restarts: int,
) -> tuple[LadderStep, ...]:
    """Choose the rungs for a cause that came back after a rung had "worked".

    Parameters
    ----------
    finding : Finding
        The new one, which may be of another issue.
    plan : HealingPlan
    ahead : sequence of LadderStep
        Rungs behind the one that "worked".
    restarts : int
        Restarts that the session has carried out already.

    Returns
    -------
    tuple of LadderStep
        A process that has ended again is started again within the limit for one cause;
        otherwise no restart is repeated. Empty: a person is called.
    """
    if finding.is_gone:
        if restarts >= plan.restarts.per_cause:
            return ()
        ladder = plan.ladders.get(finding.issue, ())
        return _from(_fitting(ladder, finding), _first(finding, plan))[:1]
    rest = _fitting(ahead, finding)
    if restarts:
        rest = tuple(rung for rung in rest if rung.reach is not Reach.AGENT)
    return rest


def _fitting(ladder: Sequence[LadderStep], finding: Finding) -> tuple[LadderStep, ...]:
    if finding.cause == "swarm":
        return tuple(ladder)
    if finding.cause == REQUESTED_CAUSE:
        return tuple(rung for rung in ladder if rung.reach is Reach.NONE)
    return tuple(rung for rung in ladder if rung.reach is not Reach.SWARM)


def _first(finding: Finding, plan: HealingPlan) -> str | None:
    if finding.first_rung is not None:
        return finding.first_rung
    if finding.silent_s is None:
        return None
    return plan.bands.first(finding.silent_s, finding.allowance_s or 0.0)


def _from(ladder: tuple[LadderStep, ...], name: str | None) -> tuple[LadderStep, ...]:
    names = [rung.name for rung in ladder]
    return ladder[names.index(name) :] if name in names else ladder
