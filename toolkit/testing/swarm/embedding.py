"""Embeds every organ: what a swarm writes to use the toolkit; the documentation quotes it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from toolkit.clock import SystemClock
from toolkit.notifier import Notifier
from toolkit.records import KINDS, Record, Spool, SpoolFollower
from toolkit.runtime import RuntimeLoop, planning
from toolkit.runtime.advice import open_advisor
from toolkit.runtime.batching import AdaptiveBatchingOptimizer
from toolkit.runtime.coordination import CoordinationMonitor
from toolkit.runtime.healing import HealingEngine, Journal, SpoolSwarm
from toolkit.runtime.healing.effectors import Effector
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
    return RuntimeLoop(
        clock=CLOCK, notifier=notifier, batching=sizes, sinks=sinks
    ), sizes


def embed_in_supervisor(
    store: Path, notifier: Notifier, task: planning.TaskComplexity, effector: Effector
) -> RuntimeLoop:
    """In one process beside them: the monitor, the plan, healing and live metrics."""
    known, kept = planning.read_patterns(store), Spool(store / "patterns")
    planner = planning.open_planner(clock=CLOCK, patterns=known)
    plan = planner.predict(task).monitoring
    actions = planning.StandardPlanActions(
        planner=planner, task=task, clock=CLOCK, patterns=kept
    )
    follower = planning.PlanFollower(plan, notifier=notifier, actions=actions)
    healing = HealingEngine(
        swarm=SpoolSwarm(store, clock=CLOCK),
        effector=effector,
        journal=Journal(store / "healing.sqlite", owner="swarm"),
        clock=CLOCK,
        notifier=notifier,
        seed=0,
    )
    sinks = [QueuedSink(PrometheusSink(CollectorRegistry()))]
    return RuntimeLoop(
        clock=CLOCK,
        notifier=notifier,
        planner=planner,
        follower=follower,
        coordination=CoordinationMonitor(notifier=notifier),
        healing=healing,
        sinks=sinks,
    )


def follow_others(store: Path, *kinds: str) -> Callable[[], Iterator[Record]]:
    """Read what any process of the swarm has written since the last call."""
    spool = SpoolFollower(Spool(store / "spool"))
    return lambda: (
        KINDS[line.row["kind"]].from_json(line.row)
        for line in spool.read()
        if line.row and line.row["kind"] in kinds
    )
