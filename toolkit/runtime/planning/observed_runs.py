"""Own runs move the number of agents, through the posterior that batch sizes use."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from toolkit.policies import Decision, Reason
from toolkit.policies.adaptation import Adaptation, AdaptationSettings
from toolkit.records import Workflow
from toolkit.runtime.advice import LadderAdvisor
from toolkit.runtime.planning.costing import price_exponent_of

__all__ = ["ObservedRuns"]

PRICE_EXPONENT = 0.5
"""Money weight of a run's cost (definitions, section 3), where no bundle states one."""


class ObservedRuns:
    """What runs with several numbers of agents cost, and what that changes.

    A run costs ``makespan^(1-w) * agent_seconds^w`` a component; runs without a
    makespan, and finished single tasks, say nothing. Thread-safe.

    Parameters
    ----------
    advisor : LadderAdvisor
        Decides the number of agents.
    """

    def __init__(self, advisor: LadderAdvisor) -> None:
        self._advisor = advisor
        self._lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._bundle = self._advisor.bundle
        self._counts = np.asarray(self._advisor.offered, dtype=np.float64)
        self._adaptation = Adaptation(AdaptationSettings(), self._counts)

    def _follow(self) -> None:
        """Begin again where the advisor serves another bundle: it learned from our runs."""
        if self._advisor.bundle is not self._bundle:
            self._begin()

    def observe(self, record: Workflow) -> None:
        """Learn from one run.

        Parameters
        ----------
        record : Workflow
            One that is censored, a single task, or without makespan or components is
            passed over.
        """
        makespan_s, components = record.makespan_s, record.components
        if record.form == "task" or record.censored or not makespan_s or not components:
            return
        weight = self._price_exponent()
        seconds = record.agent_seconds or makespan_s * record.agents
        with self._lock:
            self._follow()
            self._adaptation.observe(
                self._place(record.agents),
                spent=makespan_s ** (1 - weight) * seconds**weight,
                done=float(components),
                operations=max(int(components), 1),
            )

    def adapted(self, decision: Decision, offered: Sequence[float]) -> Decision:
        """Correct a decision by the runs that were observed.

        Parameters
        ----------
        decision : Decision
            Of a number of agents.
        offered : sequence of float
            The numbers that may be answered here.

        Returns
        -------
        Decision
        """
        decided = decision.action[0]
        with self._lock:
            self._follow()
            base = self._place(decided)
            own = float(self._counts[base])
            count = float(self._counts[self._adaptation.answer(base)])
            runs = self._adaptation.runs
        if count == own or count not in offered:
            return decision
        allowed = decision.allowed
        if allowed is not None and not allowed[list(offered).index(count)]:
            return decision
        reason = Reason(code="own_runs", facts={"decided": decided, "runs": runs})
        return replace(
            decision,
            index=list(offered).index(count),
            label=f"{count:g}",
            action=(count,),
            baseline=decision.baseline or decision.label,
            confidence=None,
            reason=reason,
        )

    def _place(self, agents: float) -> int:
        return int(np.argmin(np.abs(self._counts - agents)))

    def _price_exponent(self) -> float:
        bundle = self._advisor.bundle
        stated = None if bundle is None else price_exponent_of(bundle.manifest)
        return PRICE_EXPONENT if stated is None else stated
