"""A replay of what real workers did, against the same workers under another size."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from toolkit.history import History
from toolkit.records import KINDS, Batch, Spool
from toolkit.review import read_facts
from toolkit.review.replay import read_policy, replay_history
from toolkit.testing.swarm import SwarmSettings, run_swarm

WORKERS = 10


def _batches(folder: Path, size: int, duration_s: float) -> dict[str, list[Batch]]:
    """Run the swarm with batches of at most `size`; its records, by worker."""
    settings = SwarmSettings(
        workers=WORKERS,
        duration_s=duration_s,
        turn_s=0.3,
        turn_spread=0.5,
        failures=0.0,
        waiting=size,
        seed=size,
    )
    run_swarm(settings, folder)
    by_worker = defaultdict(list)
    for line in Spool(folder / "spool").lines():
        if line.row is not None and line.row["kind"] == "batch":
            record = KINDS["batch"].from_json(line.row)
            assert isinstance(record, Batch)
            by_worker[str(record.agent_id)].append(record)
    return {
        name: sorted(records, key=lambda batch: batch.at)[2:]  # the first ones warm up
        for name, records in by_worker.items()
    }


@pytest.mark.slow
# A swarm of real processes works, is replayed, and works again.
@pytest.mark.timeout(120)
def test_eight_of_ten_workers_took_what_the_replay_of_larger_batches_says(
    tmp_path: Path,
) -> None:
    larger = _batches(tmp_path / "eight", 8, 3.0)
    smaller = _batches(tmp_path / "two", 2, 9.0)
    records, took_s = [], {}
    for worker, batches in larger.items():
        most = sum(batch.size for batch in smaller[worker])
        kept = [b for n, b in enumerate(batches) if (n + 1) * 8 <= most]
        count = (8 * len(kept) + 1) // 2
        took_s[worker] = sum(b.cycle_s or 0.0 for b in smaller[worker][:count])
        records += [replace(b, session_id=worker, agent_id="main") for b in kept]
    history = History(tmp_path / "store")
    history.extend(records)

    found = replay_history(
        read_facts(history.dataset), read_policy("size:2"), rng=np.random.default_rng(0)
    )

    assert len(found.sessions) == WORKERS
    inside = [s.low_s <= took_s[s.session] <= s.high_s for s in found.sessions]
    assert np.mean(inside) >= 0.8
