"""A small history with a known best size in each context, for tests of experiments."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from toolkit.history import RecordStore
from toolkit.records import Batch, Outcome, Provenance, Turn, Workflow

START = datetime(2026, 1, 5, tzinfo=UTC)
SIZES = (1, 2, 4, 8, 12, 16)
AGENTS = (1, 2, 3, 4, 6, 8, 12)


def batch_store(
    root: Path,
    *,
    groups: int = 8,
    contexts: bool = True,
    overheads_s: tuple[float, float] = (0.5, 4.0),
    turns: bool = False,
) -> RecordStore:
    """Batches whose best size is about sqrt(overhead / cascade), falling with load.

    Their turns, where asked for, take 20,000 tokens and 500 more for each operation.
    """
    rng = np.random.default_rng(0)
    store = RecordStore(root)
    number = 0
    for group in range(groups):
        overhead = rng.uniform(*overheads_s)
        for load in (0.1, 0.5, 0.9):
            for size in SIZES:
                for _ in range(2):
                    number += 1
                    cycle = overhead + 0.2 * size + 0.02 * (1 + 2 * load) * size**2
                    cycle *= rng.lognormal(0, 0.02)
                    at = START + timedelta(seconds=60 * number)
                    if turns:
                        store.add(_turn(f"t{number:05d}", at, size))
                    store.add(
                        Batch(
                            record_id=f"b{number:05d}",
                            at=at,
                            turn_id=f"t{number:05d}" if turns else None,
                            source="test",
                            provenance=Provenance.MEASURED,
                            operation_type="fileOperations",
                            size=size,
                            session_id=f"s{group}",
                            agent_id="main",
                            context_id=f"g{group}/{load}" if contexts else None,
                            group_id=f"g{group}",
                            cycle_s=cycle,
                            execution_s=cycle - overhead,
                            turn_s=overhead,
                            operation_bytes=1000.0 * overhead,
                            load_cpu=load,
                            succeeded=size,
                            failed=0,
                            cancelled=0,
                        )
                    )
    store.flush()
    return store


def _turn(identity: str, at: datetime, size: int) -> Turn:
    return Turn(
        record_id=identity,
        at=at,
        source="test",
        provenance=Provenance.MEASURED,
        input_tokens=100,
        cache_read_tokens=19_900,
        output_tokens=500 * size,
    )


def workflow_store(
    root: Path, *, groups: int = 8, agent_bytes: int | None = None
) -> RecordStore:
    """Task graphs after the scalability law, wider graphs wanting more agents.

    A run holds `agent_bytes` of memory for each agent, where that is given.
    """
    rng = np.random.default_rng(1)
    store = RecordStore(root)
    number = 0
    for group in range(groups):
        components = float(rng.integers(4, 40))
        sigma, kappa = 0.05, 0.3 / components
        for agents in AGENTS:
            for _ in range(2):
                number += 1
                slowdown = 1 + sigma * (agents - 1) + kappa * agents * (agents - 1)
                makespan = components * slowdown / agents * rng.lognormal(0, 0.02)
                store.add(
                    Workflow(
                        record_id=f"w{number:05d}",
                        at=START + timedelta(seconds=60 * number),
                        source="test",
                        provenance=Provenance.MEASURED,
                        agents=agents,
                        components=components,
                        dependencies=components - 1,
                        parallelizable=0.9,
                        coordination_needs=0.2,
                        context_id=f"g{group}",
                        group_id=f"g{group}",
                        makespan_s=makespan,
                        agent_seconds=makespan * agents,
                        memory_bytes=agent_bytes and agent_bytes * agents,
                        outcome=Outcome.SUCCEEDED,
                        cpu_cores=2,
                    )
                )
    store.flush()
    return store
