"""The swarm: emits records whose truth is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from toolkit.errors import UsageError
from toolkit.records import (
    Batch,
    CoordinationEvent,
    LoadSample,
    Outcome,
    Provenance,
    Workflow,
    record_id,
)
from toolkit.testing.simulator.coordination import CoordinationTruth, KeyVersions
from toolkit.testing.simulator.truth import (
    BATCH_TRUTHS,
    WORKFLOW_TRUTHS,
    BatchTruth,
    WorkflowTruth,
)

__all__ = ["LOADS", "START", "SimulatedSwarm"]

SOURCE = "simulator"
START = datetime(2026, 1, 1, tzinfo=UTC)
"""First simulated moment: fixed, so that records depend on the seed alone."""
LOADS = (0.2, 0.6, 0.9)
"""Simulated loads: below, between and above the rule's two thresholds."""
SIZES = tuple(range(1, 21))
STREAMS = {"batches": 1, "events": 2, "workflows": 3, "loads": 4}
"""Each kind of record has separate random numbers."""


@dataclass(frozen=True, kw_only=True)
class SimulatedSwarm:
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
    >>> swarm = SimulatedSwarm(seed=7)
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
    coordination: CoordinationTruth = field(default_factory=CoordinationTruth)

    def best_size(self, operation_type: str, *, load: float = 0.0) -> int:
        """Size of the cheapest batches of a type under a load.

        Parameters
        ----------
        operation_type : str
        load : float
            0 to 1.

        Returns
        -------
        int

        Raises
        ------
        UsageError
            The swarm knows no such operation type.
        """
        return self._truth(operation_type).best_size(load)

    def cost_s(self, operation_type: str, size: int, *, load: float = 0.0) -> float:
        """Compute the expected seconds per successful operation.

        Parameters
        ----------
        operation_type : str
        size : int
            Operations in a batch, at least 1.
        load : float
            0 to 1.

        Returns
        -------
        float
        """
        return self._truth(operation_type).cost_s(size, load)

    def best_agents(self, workflow: str, *, money: float = 0.0) -> int:
        """Cheapest agent count of a kind of workflow.

        Parameters
        ----------
        workflow : str
        money : float
            Weight of agent-seconds, 0 (time only) to 1 (money only).

        Returns
        -------
        int

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
            What sizes to draw from; each record carries its propensity.

        Yields
        ------
        Batch
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

        Returns
        -------
        Batch
        """
        draw = np.random.default_rng([self.seed, 0, number])
        return self._run(draw, f"asked-{number}", operation_type, size, load, at)

    def events(self, n: int) -> Iterator[CoordinationEvent]:
        """Emit `n` coordination events in the order of their time.

        Parameters
        ----------
        n : int

        Yields
        ------
        CoordinationEvent
        """
        return KeyVersions(
            self.coordination, self._draw("events"), self.seed, SOURCE, START
        ).emit(n)

    def workflows(
        self, n: int, *, agents: tuple[int, ...] = tuple(range(1, 13))
    ) -> Iterator[Workflow]:
        """Emit `n` workflows; kind and agent count are drawn evenly.

        Parameters
        ----------
        n : int
        agents : tuple of int
            What counts to draw from; each record carries its propensity.

        Yields
        ------
        Workflow
        """
        draw = self._draw("workflows")
        names = sorted(self.workflow_truths)
        at = START
        for number in range(n):
            name = names[int(draw.integers(len(names)))]
            workflow = self._workflow(draw, number, at, name, agents)
            yield workflow
            at += timedelta(seconds=workflow.makespan_s or 0.0)

    def load_samples(self, n: int, *, every_s: float = 30.0) -> Iterator[LoadSample]:
        """Emit `n` load samples that wander between 0 and 1 around 0.5.

        Parameters
        ----------
        n : int
        every_s : float
            Seconds between two samples.

        Yields
        ------
        LoadSample
        """
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


def _wandered(value: float, draw: np.random.Generator) -> float:
    moved = 0.5 + 0.9 * (value - 0.5) + float(draw.normal(0, 0.08))
    return round(min(1.0, max(0.0, moved)), 6)
