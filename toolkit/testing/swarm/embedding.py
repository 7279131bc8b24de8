"""Embeds every organ: what a swarm writes to use the toolkit; the documentation quotes it."""

from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from toolkit.clock import SystemClock
from toolkit.notifier import Notifier, Tee
from toolkit.records import Spool
from toolkit.runtime import RuntimeLoop, planning
from toolkit.runtime.advice import open_advisor
from toolkit.runtime.batching import AdaptiveBatchingOptimizer
from toolkit.runtime.coordination import CoordinationMonitor
from toolkit.runtime.healing import HealingEngine, HealingPlan, Journal, SpoolSwarm
from toolkit.runtime.healing.effectors import ProcessEffector
from toolkit.runtime.sinks import PrometheusSink, QueuedSink, SpoolSink

CLOCK = SystemClock()


def embed_in_worker(
    store: Path, notifier: Notifier, explore: float, seed: int
) -> tuple[RuntimeLoop, AdaptiveBatchingOptimizer]:
    """In each worker: sizes to ask for, and every record kept in the shared store."""
    advisor = open_advisor(None, decision="batch_size", clock=CLOCK)
    rng = np.random.default_rng(seed)
    sizes = AdaptiveBatchingOptimizer(advisor, clock=CLOCK, explore=explore, rng=rng)
    sinks = [SpoolSink(Spool(store / "spool"))]
    loop = RuntimeLoop(clock=CLOCK, notifier=notifier, batching=sizes, sinks=sinks)
    return loop, sizes


def embed_in_supervisor(
    store: Path,
    notifier: Notifier,
    task: planning.TaskComplexity,
    effector: ProcessEffector,
    plan: HealingPlan,
    registry: CollectorRegistry,
) -> RuntimeLoop:
    """In one process beside them: the monitor, the plan, healing and live metrics."""
    known, kept = planning.read_patterns(store), Spool(store / "patterns")
    planner = planning.open_planner(clock=CLOCK, patterns=known)
    actions = planning.StandardPlanActions(
        planner=planner, task=task, clock=CLOCK, patterns=kept
    )
    follower = planning.PlanFollower(
        planner.predict(task).monitoring, notifier=notifier, actions=actions
    )
    healing = HealingEngine(
        swarm=SpoolSwarm(store, clock=CLOCK, alive=effector.alive),
        effector=effector,
        journal=Journal(store / "healing.sqlite", owner="swarm"),
        clock=CLOCK,
        notifier=notifier,
        plan=plan,
        records=SpoolSink(Spool(store / "spool")),
        seed=0,
    )
    metrics = PrometheusSink(registry)
    return RuntimeLoop(
        clock=CLOCK,
        notifier=notifier,
        planner=planner,
        follower=follower,
        coordination=CoordinationMonitor(notifier=Tee(notifier, metrics)),
        healing=healing,
        sinks=[QueuedSink(metrics)],
    )
