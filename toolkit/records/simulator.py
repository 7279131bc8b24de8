r"""A seeded swarm whose best batch size and agent count are known in closed form.

Everything it emits is marked *simulated*, so that it trains no model unless a
specification says so aloud. It exists for tests: of statistics, monitors, policies and
whole loops, where the truth must be known.

Batches
    A batch of :math:`b` operations costs a turn :math:`T`, each operation :math:`c`,
    and each pair of operations a contention :math:`k`. An operation fails with
    probability :math:`f` and takes along the siblings before it, whose work is done
    again. With load :math:`l`, :math:`c` and :math:`k` are multiplied by :math:`1 + l`.

    .. math::
        E[cycle] = T + c b + (k + f c / 2) b (b - 1), \quad E[succeeded] = b (1 - f)

        cost(b) = \frac{T / b + c + (k + f c / 2) (b - 1)}{1 - f},
        \qquad b^* = \sqrt{T / (k + f c / 2)}

Workflows
    The Universal Scalability Law (Gunther, 2007) with contention :math:`s` and crosstalk
    :math:`q`: :math:`makespan(n) = M (1 + s (n-1) + q n (n-1)) / n` and
    agent-seconds :math:`n \cdot makespan`. For time weight :math:`1-w` and money weight
    :math:`w` the best :math:`n` is the positive root of
    :math:`(1+w) q n^2 + w (s-q) n - (1-w)(1-s) = 0`, which for :math:`w = 0` is
    :math:`\sqrt{(1-s)/q}`.

Coordination
    Agents take turns reading and writing shared keys. An operation is a duplicate, and
    a read returns an older version, each with a probability that is set.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from toolkit.errors import UsageError
from toolkit.records.identity import record_id
from toolkit.records.schema import (
    Batch,
    CoordinationEvent,
    LoadSample,
    Outcome,
    Provenance,
    Workflow,
)

__all__ = ["BatchTruth", "CoordinationTruth", "Swarm", "WorkflowTruth"]

SOURCE = "simulator"
START = datetime(2026, 1, 1, tzinfo=UTC)
"""First simulated moment: fixed, so that records depend on the seed alone."""
LOADS = (0.2, 0.6, 0.9)
"""Simulated loads: below, between and above the rule's two thresholds."""
SIZES = tuple(range(1, 21))
STREAMS = {"batches": 1, "events": 2, "workflows": 3, "loads": 4}
"""Each kind of record has random numbers of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTruth:
    """What governs the cost of the batches of one operation type.

    Parameters
    ----------
    turn_s, operation_s, pair_s : float
        `T`, `c` and `k` above, at load 0; seconds, above 0.
    failure_rate : float
        `f`, 0 to below 1.

    Examples
    --------
    >>> BatchTruth(
    ...     turn_s=6.0, operation_s=1.0, pair_s=0.01, failure_rate=0.1
    ... ).best_size()
    10
    """

    turn_s: float
    operation_s: float
    pair_s: float
    failure_rate: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        if min(self.turn_s, self.operation_s, self.pair_s) <= 0:
            raise UsageError(
                f"`turn_s`, `operation_s`, `pair_s` must be above 0: {self}"
            )
        if not 0 <= self.failure_rate < 1:
            raise UsageError(f"`failure_rate` is 0 to below 1, got {self.failure_rate}")

    def cost_s(self, size: int, load: float = 0.0) -> float:
        """Compute the expected seconds per successful operation of this size."""
        strain = 1 + load
        growth = (self.pair_s + self.failure_rate * self.operation_s / 2) * strain
        cycle_s = self.turn_s / size + self.operation_s * strain + growth * (size - 1)
        return cycle_s / (1 - self.failure_rate)

    def best_size(self, load: float = 0.0) -> int:
        """Size with the least expected cost, at least 1."""
        growth = self.pair_s + self.failure_rate * self.operation_s / 2
        ideal = math.sqrt(self.turn_s / (growth * (1 + load)))
        return _best_whole(ideal, lambda size: self.cost_s(size, load))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowTruth:
    """What governs the makespan of a workflow.

    Parameters
    ----------
    work_s : float
        `M`, the makespan of one agent; seconds, above 0.
    contention : float
        `s`, share that cannot run at once, 0 to below 1.
    crosstalk : float
        `q`, cost of every pair that must agree, above 0.

    Examples
    --------
    >>> truth = WorkflowTruth(work_s=600.0, contention=0.1, crosstalk=0.025)
    >>> truth.best_agents(), truth.best_agents(money=0.5)
    (6, 3)
    """

    work_s: float
    contention: float
    crosstalk: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.work_s <= 0 or self.crosstalk <= 0 or not 0 <= self.contention < 1:
            raise UsageError(
                f"`work_s` and `crosstalk` must be above 0, `contention` 0 to 1: {self}"
            )

    def makespan_s(self, agents: int) -> float:
        """Compute the expected seconds from start to end with that many agents."""
        pairs = self.crosstalk * agents * (agents - 1)
        return self.work_s * (1 + self.contention * (agents - 1) + pairs) / agents

    def cost(self, agents: int, money: float = 0.0) -> float:
        """`makespan^(1-money) * agent_seconds^money`."""
        return float(self.makespan_s(agents) * agents**money)

    def best_agents(self, money: float = 0.0) -> int:
        """Agent count with the least cost, at least 1.

        Parameters
        ----------
        money : float
            Weight of agent-seconds, 0 (time only) to 1 (money only).
        """
        square = (1 + money) * self.crosstalk
        linear = money * (self.contention - self.crosstalk)
        constant = (1 - money) * (1 - self.contention)
        root = math.sqrt(linear**2 + 4 * square * constant)
        return _best_whole(
            (root - linear) / (2 * square), lambda n: self.cost(n, money)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinationTruth:
    """What governs the coordination events.

    Parameters
    ----------
    agents, keys : int
        Agents that work, and keys they share; at least 2 agents.
    write_share, duplicate_rate, stale_rate, failure_rate, hook_rate : float
        Probability that an operation writes; that it repeats what another agent just
        did; that a read returns an older version; that it fails; that it has both its
        events. 0 to 1.
    gap_s, wait_s : float
        Mean time between two events of the swarm, and mean wait of one.
    """

    agents: int = 4
    keys: int = 12
    write_share: float = 0.4
    duplicate_rate: float = 0.05
    stale_rate: float = 0.02
    failure_rate: float = 0.05
    hook_rate: float = 0.95
    gap_s: float = 2.0
    wait_s: float = 0.2


BATCH_TRUTHS: Mapping[str, BatchTruth] = {
    "fileOperations": BatchTruth(
        turn_s=4.0, operation_s=0.5, pair_s=0.02, failure_rate=0.06
    ),
    "taskSpawning": BatchTruth(
        turn_s=12.0, operation_s=4.0, pair_s=0.3, failure_rate=0.1
    ),
    "todoWrite": BatchTruth(
        turn_s=3.0, operation_s=0.1, pair_s=0.01, failure_rate=0.02
    ),
}
"""Best sizes 8 to 10, 4, and 12 to 15, depending on the load."""

WORKFLOW_TRUTHS: Mapping[str, WorkflowTruth] = {
    "chatty": WorkflowTruth(work_s=900.0, contention=0.2, crosstalk=0.05),
    "even": WorkflowTruth(work_s=1800.0, contention=0.08, crosstalk=0.02),
    "wide": WorkflowTruth(work_s=3600.0, contention=0.02, crosstalk=0.008),
}


@dataclass(frozen=True, kw_only=True)
class Swarm:
    """Emits records whose truth is known; a pure function of its arguments.

    The first `n` records of a longer request are the same as those of a shorter one, and
    what one method draws does not move what another draws.

    Parameters
    ----------
    seed : int
        At least 0.
    noise : float
        Standard deviation of the logarithm of measured times; their mean is unbiased.
    batch_truths, workflow_truths : mapping
        By operation type, and by name.
    coordination : CoordinationTruth

    Examples
    --------
    >>> swarm = Swarm(seed=7)
    >>> swarm.best_size("fileOperations", load=0.2)
    10
    >>> [batch.size for batch in swarm.batches(3)] == [b.size for b in swarm.batches(3)]
    True
    >>> {event.provenance.value for event in swarm.events(5)}
    {'simulated'}
    """

    seed: int
    noise: float = 0.1
    batch_truths: Mapping[str, BatchTruth] = field(default_factory=lambda: BATCH_TRUTHS)
    workflow_truths: Mapping[str, WorkflowTruth] = field(
        default_factory=lambda: WORKFLOW_TRUTHS
    )
    coordination: CoordinationTruth = CoordinationTruth()

    def best_size(self, operation_type: str, *, load: float = 0.0) -> int:
        """Size of the cheapest batches of a type under a load.

        Raises
        ------
        UsageError
            The swarm knows no such operation type.
        """
        return self._truth(operation_type).best_size(load)

    def cost_s(self, operation_type: str, size: int, *, load: float = 0.0) -> float:
        """Compute the expected seconds per successful operation."""
        return self._truth(operation_type).cost_s(size, load)

    def best_agents(self, workflow: str, *, money: float = 0.0) -> int:
        """Cheapest agent count of a kind of workflow.

        Raises
        ------
        UsageError
            The swarm knows no such workflow.
        """
        if workflow not in self.workflow_truths:
            raise UsageError.unknown("workflow", workflow, sorted(self.workflow_truths))
        return self.workflow_truths[workflow].best_agents(money)

    def batches(self, n: int, *, sizes: tuple[int, ...] = SIZES) -> Iterator[Batch]:
        """Emit `n` batches; type, size and load are drawn evenly.

        Parameters
        ----------
        n : int
        sizes : tuple of int
            What sizes to draw from; each record carries the propensity of its own.
        """
        draw = self._draw("batches")
        types = sorted(self.batch_truths)
        at = START
        for number in range(n):
            batch = self._batch(
                draw, number, at, types[int(draw.integers(len(types)))], sizes
            )
            yield batch
            at += timedelta(seconds=batch.cycle_s or 0.0)

    def batch(
        self, number: int, operation_type: str, size: int, *, load: float, at: datetime
    ) -> Batch:
        """Emit the batch that a policy asked for, for closed-loop tests.

        Parameters
        ----------
        number : int
            Draws the chance: the same number gives the same luck whatever the size.
        operation_type, size, load
            What was asked.
        at : datetime
            Its start, aware, UTC.
        """
        draw = np.random.default_rng([self.seed, 0, number])
        return self._run(draw, f"asked-{number}", operation_type, size, load, at)

    def events(self, n: int) -> Iterator[CoordinationEvent]:
        """Emit `n` coordination events in the order of their time."""
        return _Coordination(self.coordination, self._draw("events"), self.seed).emit(n)

    def workflows(
        self, n: int, *, agents: tuple[int, ...] = tuple(range(1, 13))
    ) -> Iterator[Workflow]:
        """Emit `n` workflows; kind and agent count are drawn evenly."""
        draw = self._draw("workflows")
        names = sorted(self.workflow_truths)
        at = START
        for number in range(n):
            name = names[int(draw.integers(len(names)))]
            workflow = self._workflow(draw, number, at, name, agents)
            yield workflow
            at += timedelta(seconds=workflow.makespan_s or 0.0)

    def load_samples(self, n: int, *, every_s: float = 30.0) -> Iterator[LoadSample]:
        """Emit `n` load samples that wander between 0 and 1 around 0.5."""
        draw = self._draw("loads")
        cpu = memory = 0.5
        for number in range(n):
            cpu = _wandered(cpu, draw)
            memory = _wandered(memory, draw)
            yield LoadSample(
                record_id=record_id(SOURCE, str(self.seed), "load", str(number)),
                at=START + timedelta(seconds=every_s * number),
                source=SOURCE,
                provenance=Provenance.SIMULATED,
                host="simulated",
                cpu=cpu,
                memory=memory,
                cpu_cores=4,
            )

    def _truth(self, operation_type: str) -> BatchTruth:
        if operation_type not in self.batch_truths:
            raise UsageError.unknown(
                "operation type", operation_type, sorted(self.batch_truths)
            )
        return self.batch_truths[operation_type]

    def _draw(self, stream: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, STREAMS[stream]])

    def _noise(self, draw: np.random.Generator) -> float:
        return float(np.exp(draw.normal(-(self.noise**2) / 2, self.noise)))

    def _batch(
        self,
        draw: np.random.Generator,
        number: int,
        at: datetime,
        operation_type: str,
        sizes: tuple[int, ...],
    ) -> Batch:
        size = sizes[int(draw.integers(len(sizes)))]
        load = LOADS[int(draw.integers(len(LOADS)))]
        return self._run(
            draw, str(number), operation_type, size, load, at, propensity=1 / len(sizes)
        )

    def _run(
        self,
        draw: np.random.Generator,
        name: str,
        operation_type: str,
        size: int,
        load: float,
        at: datetime,
        propensity: float | None = None,
    ) -> Batch:
        truth = self._truth(operation_type)
        fails = draw.random(size) < truth.failure_rate
        strain = 1 + load
        again = float(np.arange(size)[fails].sum())
        work_s = truth.operation_s * strain * (size + again)
        work_s += truth.pair_s * strain * size * (size - 1)
        noise = self._noise(draw)
        operations_s = work_s * noise
        return Batch(
            record_id=record_id(SOURCE, str(self.seed), "batch", name),
            at=at,
            source=SOURCE,
            provenance=Provenance.SIMULATED,
            operation_type=operation_type,
            size=size,
            calls=size,
            session_id=f"simulated-{self.seed}",
            agent_id="main",
            context_id=f"{operation_type}-{load:g}",
            group_id=operation_type,
            cycle_s=truth.turn_s * noise + operations_s,
            execution_s=operations_s,
            turn_s=truth.turn_s * noise,
            operations_s=operations_s,
            censored=False,
            succeeded=size - int(fails.sum()),
            failed=int(fails.sum()),
            cancelled=0,
            failure_rate=truth.failure_rate,
            load_cpu=load,
            policy="uniform" if propensity else None,
            propensity=propensity,
        )

    def _workflow(
        self,
        draw: np.random.Generator,
        number: int,
        at: datetime,
        name: str,
        agents: tuple[int, ...],
    ) -> Workflow:
        truth = self.workflow_truths[name]
        count = agents[int(draw.integers(len(agents)))]
        makespan_s = truth.makespan_s(count) * self._noise(draw)
        return Workflow(
            record_id=record_id(SOURCE, str(self.seed), "workflow", str(number)),
            at=at,
            source=SOURCE,
            provenance=Provenance.SIMULATED,
            agents=count,
            components=12,
            parallelizable=1 - truth.contention,
            coordination_needs=min(1.0, 10 * truth.crosstalk),
            context_id=name,
            group_id=name,
            makespan_s=makespan_s,
            agent_seconds=makespan_s * count,
            tasks_succeeded=12,
            tasks_failed=0,
            outcome=Outcome.SUCCEEDED,
            policy="uniform",
            propensity=1 / len(agents),
        )


@dataclass(slots=True)
class _Coordination:
    """The keys' versions and what each agent has seen of them."""

    truth: CoordinationTruth
    draw: np.random.Generator
    seed: int
    versions: dict[str, int] = field(default_factory=dict)

    def emit(self, n: int) -> Iterator[CoordinationEvent]:
        at = START
        last: tuple[str, str, str] | None = None
        for number in range(n):
            at += timedelta(seconds=float(self.draw.exponential(self.truth.gap_s)))
            agent = f"agent-{int(self.draw.integers(self.truth.agents))}"
            action, key = self._next(agent, last)
            last = agent, action, key
            yield self._event(number, at, agent, action, key)

    def _next(self, agent: str, last: tuple[str, str, str] | None) -> tuple[str, str]:
        repeats = self.draw.random() < self.truth.duplicate_rate
        writes = self.draw.random() < self.truth.write_share
        key = f"key-{int(self.draw.integers(self.truth.keys))}"
        if repeats and last is not None and last[0] != agent:
            return last[1], last[2]
        return "write" if writes else "read", key

    def _event(
        self, number: int, at: datetime, agent: str, action: str, key: str
    ) -> CoordinationEvent:
        newest = self.versions.get(key, 0)
        stale = newest > 0 and self.draw.random() < self.truth.stale_rate
        failed = self.draw.random() < self.truth.failure_rate
        writes = action == "write" and not failed
        if writes:
            self.versions[key] = newest + 1
        waited_s = float(self.draw.exponential(self.truth.wait_s))
        return CoordinationEvent(
            record_id=record_id(SOURCE, str(self.seed), "event", str(number)),
            at=at,
            source=SOURCE,
            provenance=Provenance.SIMULATED,
            agent_id=agent,
            operation="Write" if action == "write" else "Read",
            action=action,
            session_id=f"simulated-{self.seed}",
            memory_key=key,
            duration_s=waited_s + float(self.draw.exponential(0.1)),
            waited_s=waited_s,
            outcome=Outcome.FAILED if failed else Outcome.SUCCEEDED,
            version_seen=newest - int(stale),
            version=newest + int(writes),
            has_pre_event=True,
            has_post_event=bool(self.draw.random() < self.truth.hook_rate),
        )


def _best_whole(ideal: float, cost: Callable[[int], float]) -> int:
    """Of the two whole numbers around an ideal, take the cheaper one, at least 1."""
    low = max(1, math.floor(ideal))
    return min((low, low + 1), key=cost)


def _wandered(value: float, draw: np.random.Generator) -> float:
    moved = 0.5 + 0.9 * (value - 0.5) + float(draw.normal(0, 0.08))
    return round(min(1.0, max(0.0, moved)), 6)
