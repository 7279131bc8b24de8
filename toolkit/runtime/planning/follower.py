"""Follows a predicted workflow: compares what happens with what was predicted."""

import math
from collections.abc import Callable
from functools import partial
from types import MappingProxyType

from toolkit.notifier import Notifier
from toolkit.policies.adaptation import CostCorrection
from toolkit.records import Batch, Record
from toolkit.runtime.planning.actions import PlanActions
from toolkit.runtime.planning.cost_window import CostWindow
from toolkit.runtime.planning.followed_workflow import FollowedWorkflow
from toolkit.runtime.planning.monitoring import (
    AlertRule,
    MonitoringPlan,
    MonitoringPoint,
    PlanAlertKind,
)
from toolkit.runtime.planning.observation import Observation
from toolkit.runtime.planning.pattern import Pattern
from toolkit.runtime.planning.performance import ExpectedPerformance
from toolkit.runtime.planning.plan_alert import PlanAlert
from toolkit.runtime.planning.run_progress import RunProgress

__all__ = ["PlanFollower"]

PERFORMANCE = (
    PlanAlertKind.PERFORMANCE_DEGRADATION,
    PlanAlertKind.EFFICIENCY_OPPORTUNITY,
)
COORDINATION = (PlanAlertKind.COORDINATION_BREAKDOWN,)
LEAST_COST_S = 1e-9
"""Seconds per success below which times say nothing: a clock does not resolve them."""

MOST_TYPES = 256
"""Operation types whose sums are kept."""

COORDINATION_SUBJECT = "coordination_efficiency"

Reset = Callable[[str, Callable[[], bool]], object]


class PlanFollower:
    """Compares a run with its monitoring plan and raises an alert at each threshold.

    Alerts are judged against the prediction as it was made; corrections move what is
    expected from here on. An alert fires once and not again while it lasts. Cost per
    observation and memory are bounded by the plan. Not thread-safe.

    Parameters
    ----------
    plan : MonitoringPlan
    notifier : Notifier
        Notified of each alert at the observation that raised it.
    actions : PlanActions, optional
        Carry out what an alert calls for; without them an alert is only notified.
    coordination_baseline : float, optional
        Coordination efficiency that a drop is measured from, above 0; the mean of the
        first `adjustment.every` observations when left out.

    Examples
    --------
    >>> from toolkit.notifier import SilentNotifier
    >>> from toolkit.runtime.planning import MonitoringSettings
    >>> from toolkit.runtime.planning.monitoring import alert_rules
    >>> plan = MonitoringPlan(
    ...     baseline=None,
    ...     components=10,
    ...     batch_costs_s={"shell": 2.0},
    ...     alerts=alert_rules(MonitoringSettings()),
    ... )
    >>> follower = PlanFollower(plan, notifier=SilentNotifier())
    >>> batch = Observation(
    ...     operation_type="shell", operations=5, succeeded=5, cycle_s=12.5
    ... )
    >>> [alert.action for alert in follower.observe(batch)]
    ['adaptive_workflow_adjustment']
    """

    def __init__(
        self,
        plan: MonitoringPlan,
        *,
        notifier: Notifier,
        actions: PlanActions | None = None,
        coordination_baseline: float | None = None,
    ) -> None:
        self.plan = plan
        self._notifier = notifier
        self._actions = actions
        self._reset: Reset | None = None
        self._run = RunProgress()
        self._sums: dict[str, list[float]] = {}
        """Batches, operations, successes and seconds of each operation type."""
        self._coordination = coordination_baseline
        self._first_scores: list[float] = []
        self._windows = _windows(plan)
        self._whole = CostCorrection(plan.adjustment)
        self._progress = (0.0, 0.0)
        self._requested = 0
        self._ready = 0
        self._points: dict[MonitoringPoint, float] = {}
        self._lasting: dict[tuple[PlanAlertKind, str], PlanAlert] = {}
        self._raised = dict.fromkeys(PlanAlertKind, 0)
        self._observations = 0
        self._unplanned = 0

    def attach_reset(self, reset: Reset) -> None:
        """Have a breakdown of the coordination treated.

        Parameters
        ----------
        reset : callable
            Takes what has broken down, and a callable that says whether it lasts:
            `HealingEngine.reset_coordination`, which a `RuntimeLoop` attaches.
        """
        self._reset = reset

    def observe(self, observation: Observation) -> tuple[PlanAlert, ...]:
        """Take in what is new.

        Parameters
        ----------
        observation : Observation

        Returns
        -------
        tuple of PlanAlert
            Those that fired now.
        """
        self._observations += 1
        self._note_points(observation)
        return (
            *self._judge_batch(observation),
            *self._judge_coordination(observation),
            *self._judge_velocity(observation),
        )

    def observe_record(self, record: Record) -> tuple[PlanAlert, ...]:
        """Observe a record of the run: a batch, a coordination event, a finished task.

        Waits, spawn times, coordination efficiency and velocity are computed from them.

        Parameters
        ----------
        record : Record
            Of another kind, it changes nothing.

        Returns
        -------
        tuple of PlanAlert
            Those that fired now.
        """
        observation = self._run.observe(record)
        if isinstance(record, Batch):
            observation = Observation.of_batch(record)
        return () if observation is None else self.observe(observation)

    def follow(self, plan: MonitoringPlan) -> None:
        """Compare with another plan from now on; what was observed is kept.

        Corrections of the batch costs begin again, since the plan knows of them.

        Parameters
        ----------
        plan : MonitoringPlan
        """
        self.plan = plan
        self._windows = _windows(plan)
        self._lasting = {
            key: alert
            for key, alert in self._lasting.items()
            if key[0] not in PERFORMANCE
        }

    def patterns(self) -> tuple[Pattern, ...]:
        """Sizes used so far and what they cost, by operation type.

        Returns
        -------
        tuple of Pattern
        """
        return tuple(
            Pattern(
                operation_type=name,
                batches=int(batches),
                mean_size=operations / batches,
                cost_s=cycle_s / succeeded,
                success=min(succeeded / operations, 1.0),
            )
            for name, (batches, operations, succeeded, cycle_s) in self._sums.items()
            if succeeded and LEAST_COST_S < cycle_s / succeeded < math.inf
        )

    def expected(self) -> ExpectedPerformance | None:
        """Give the prediction as corrected by what was observed.

        Returns
        -------
        ExpectedPerformance or None
            `None` where the plan has no baseline.
        """
        if self.plan.baseline is None:
            return None
        return self.plan.baseline.scaled(self._whole.factor)

    def expected_cost_s(self, operation_type: str) -> float | None:
        """Give the corrected seconds per successful operation; `None` is not known.

        Parameters
        ----------
        operation_type : str

        Returns
        -------
        float or None
        """
        window = self._windows.get(operation_type)
        if window is None:
            return None
        return window.predicted_s * window.correction.factor

    def snapshot(self) -> FollowedWorkflow:
        """Take a snapshot.

        Returns
        -------
        FollowedWorkflow
        """
        corrections = {
            name: window.correction.factor for name, window in self._windows.items()
        }
        if self.plan.baseline is not None:
            corrections["workflow"] = self._whole.factor
        return FollowedWorkflow(
            points=MappingProxyType(dict(self._points)),
            alerts=tuple(self._lasting.values()),
            raised=MappingProxyType(dict(self._raised)),
            expected=self.expected(),
            corrections=MappingProxyType(corrections),
            observations=self._observations,
            unplanned_batches=self._unplanned,
            tasks_completed=self._run.tasks_completed,
            patterns=self.patterns(),
        )

    def _note_points(self, seen: Observation) -> None:
        if seen.spawn_s:
            limit_s = self.plan.spawn_window_s
            self._requested += len(seen.spawn_s)
            self._ready += sum(s is not None and s <= limit_s for s in seen.spawn_s)
            self._points[MonitoringPoint.AGENT_SPAWN_EFFICIENCY] = (
                self._ready / self._requested
            )
        if seen.median_wait_s is not None:
            self._points[MonitoringPoint.COORDINATION_LATENCY] = seen.median_wait_s
        if seen.memory_consistency is not None:
            self._points[MonitoringPoint.MEMORY_CONSISTENCY_RATE] = (
                seen.memory_consistency
            )

    def _judge_batch(self, seen: Observation) -> tuple[PlanAlert, ...]:
        name = seen.operation_type
        if name is None or seen.operations is None:
            return ()
        self._add(name, seen)
        window = self._windows.get(name)
        if window is None:
            self._unplanned += 1
            return ()
        ratio = window.observe(
            operations=seen.operations,
            succeeded=seen.succeeded or 0,
            cycle_s=seen.cycle_s or 0.0,
        )
        if ratio is None:
            return ()
        point = MonitoringPoint.BATCH_EXECUTION_PERFORMANCE
        self._points[point] = ratio
        return self._judge(PERFORMANCE, f"{point} of {name}", ratio, 1.0)

    def _add(self, name: str, seen: Observation) -> None:
        if name not in self._sums and len(self._sums) >= MOST_TYPES:
            return
        sums = self._sums.setdefault(name, [0.0] * 4)
        for at, value in enumerate(
            (1, seen.operations or 0, seen.succeeded or 0, seen.cycle_s or 0.0)
        ):
            sums[at] += value

    def _judge_coordination(self, seen: Observation) -> tuple[PlanAlert, ...]:
        score = seen.coordination_efficiency
        if score is None:
            return ()
        if self._coordination is None:
            self._first_scores.append(score)
            if len(self._first_scores) >= self.plan.adjustment.every:
                self._coordination = sum(self._first_scores) / len(self._first_scores)
            return ()
        return self._judge(
            COORDINATION, COORDINATION_SUBJECT, score, self._coordination
        )

    def _judge_velocity(self, seen: Observation) -> tuple[PlanAlert, ...]:
        baseline = self.plan.baseline
        planned = None if baseline is None else baseline.tasks_per_minute
        done, elapsed_s = seen.tasks_completed, seen.elapsed_s
        if done is None or not elapsed_s or planned is None:
            return ()
        per_task_s = 60.0 / planned.expected
        if not per_task_s:
            return ()  # a rate beyond all numbers: nothing can be due
        self._correct(per_task_s, done, elapsed_s)
        due = elapsed_s / per_task_s
        if max(done, due) < min(self.plan.adjustment.every, self.plan.components):
            return ()  # too few tasks in either direction to tell slow from early
        point = MonitoringPoint.TASK_COMPLETION_VELOCITY
        velocity = done * 60.0 / elapsed_s
        self._points[point] = velocity / planned.expected
        return self._judge(PERFORMANCE, point.value, velocity, planned.expected)

    def _correct(self, per_task_s: float, done: float, elapsed_s: float) -> None:
        """Feed the tasks completed since the last look to the correction."""
        tasks = int(done - self._progress[0])
        passed_s = elapsed_s - self._progress[1]
        # Times at the very end of the number range divide to 0, which no cost is.
        if tasks >= 1 and passed_s / tasks > 0 and 0 < per_task_s < math.inf:
            self._whole.observe(
                predicted_cost=per_task_s,
                observed_cost=passed_s / tasks,
                operations=tasks,
            )
            self._progress = (done, elapsed_s)

    def _judge(
        self,
        kinds: tuple[PlanAlertKind, ...],
        subject: str,
        observed: float,
        baseline: float,
    ) -> tuple[PlanAlert, ...]:
        if baseline <= 0:
            return ()  # nothing to fall from
        ratio = observed / baseline
        fired = []
        for rule in self.plan.alerts:
            key = (rule.kind, subject)
            if rule.kind not in kinds:
                continue
            if key in self._lasting:
                if not rule.lasts(ratio):
                    del self._lasting[key]
            elif rule.fires(ratio):
                alert = PlanAlert.of(rule, subject, observed, baseline)
                self._lasting[key] = alert
                fired.append(alert)
                self._tell(alert, rule)
        return tuple(fired)

    def _tell(self, alert: PlanAlert, rule: AlertRule) -> None:
        self._raised[alert.kind] += 1
        self._notifier.notify(alert.notification(rule.level))
        if alert.kind is PlanAlertKind.COORDINATION_BREAKDOWN and self._reset:
            self._reset(alert.subject, partial(self._lasts, alert.kind, alert.subject))
        if (actions := self._actions) is None:
            return
        run = self.snapshot()
        if alert.kind is PlanAlertKind.PERFORMANCE_DEGRADATION:
            plan = actions.adjust(alert, run)
            if plan is not None:
                self.follow(plan)
        elif alert.kind is PlanAlertKind.COORDINATION_BREAKDOWN:
            actions.reset(alert, run)
        else:
            actions.capture(alert, run)

    def _lasts(self, kind: PlanAlertKind, subject: str) -> bool:
        return (kind, subject) in self._lasting


def _windows(plan: MonitoringPlan) -> dict[str, CostWindow]:
    return {
        name: CostWindow(cost_s, plan.batch_adjustment)
        for name, cost_s in plan.batch_costs_s.items()
    }
