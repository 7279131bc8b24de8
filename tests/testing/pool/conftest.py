"""One forkserver for the tests of the pool, and pools that leave nothing behind."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from toolkit.testing.pool import (
    ForkServerProcess,
    LocalAgentPool,
    Lockstep,
    PoolSettings,
    SteppedClock,
)


class LivingPool:
    """A pool, its clock, and a tick to live by."""

    def __init__(self, folder: Path, forkserver: Path) -> None:
        self.clock = SteppedClock(datetime(2026, 1, 5, tzinfo=UTC))
        tick = forkserver.parent / f"b{folder.name[-6:]}"
        self.lockstep = Lockstep(tick)
        settings = PoolSettings(forkserver=str(forkserver), tick=str(tick))
        self.pool = LocalAgentPool.create(folder / "pool", settings, clock=self.clock)

    def live(self, duration_s: float) -> None:
        """Let time pass in ticks of 15 s."""
        until_s = self.clock.monotonic_s() + duration_s
        while self.clock.monotonic_s() < until_s:
            self._beat()

    def live_until_done(self, limit_s: float = 3600.0) -> None:
        """Let time pass until every task is done: two agents at one lock lose turns.

        How many they lose is up to the machine, so a test that waits for the work
        waits for the work and not for a time.
        """
        until_s = self.clock.monotonic_s() + limit_s
        while self._has_work() and self.clock.monotonic_s() < until_s:
            self._beat()

    def _has_work(self) -> bool:
        sql = "SELECT 1 FROM tasks WHERE status != 'done' LIMIT 1"
        return bool(self.pool.ledger.rows(sql))

    def _beat(self) -> None:
        now_s = self.clock.monotonic_s() + 15.0
        self.clock.set(now_s)
        self.lockstep.tick(now_s)

    def end(self) -> None:
        self.pool.close(stop=True)
        self.lockstep.close()


@pytest.fixture(scope="session")
def forkserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="n-") as folder:
        path = Path(folder) / "n"
        with ForkServerProcess(path, preload=["toolkit.testing.pool.worker", "psutil"]):
            yield path


@pytest.fixture
def living(tmp_path: Path, forkserver: Path) -> Iterator[LivingPool]:
    living = LivingPool(tmp_path, forkserver)
    yield living
    living.end()
