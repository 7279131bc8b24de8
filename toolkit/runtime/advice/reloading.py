"""An advisor that follows a link: when another bundle is swapped in, it serves that."""

from pathlib import Path

from toolkit.bundle import Bundle
from toolkit.clock import Clock
from toolkit.runtime.advice.advisor import LadderAdvisor, Serving, load_for

__all__ = ["ReloadingAdvisor"]

LOOK_EVERY_S = 5.0


class ReloadingAdvisor(LadderAdvisor):
    """An advisor that looks now and then whether the bundle changed, and serves the new one.

    A look is one `stat`; loading happens only after a change. A bundle that is refused
    leaves the rule in its place, and the reason says so.

    Parameters
    ----------
    path : path
        A bundle, or a link to one that `toolkit experiment retrain` swaps.
    decision : str
        `batch_size` or `agent_count`.
    clock : Clock
    look_every_s : float
        Shortest time between two looks.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from toolkit.clock import VirtualClock
    >>> clock = VirtualClock(datetime(2026, 1, 5, tzinfo=UTC))
    >>> advisor = ReloadingAdvisor(
    ...     Path("no/such/bundle"), decision="batch_size", clock=clock
    ... )
    >>> advisor.decide({"operation_type": "fileOperations", "load_cpu": 0.5}).label
    '8'
    """

    def __init__(
        self,
        path: Path,
        *,
        decision: str,
        clock: Clock,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._path = path
        self._look_every_s = look_every_s
        self._seen = self._identity()
        self._looked_s = clock.monotonic_s()
        bundle, refused = self._load(decision)
        super().__init__(decision, bundle=bundle, clock=clock, refused=refused)

    @property
    def _serving(self) -> Serving:
        # Whatever is asked, sizes on offer or a decision, is of the bundle in place now.
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s >= self._look_every_s:
            self._looked_s = now_s
            self._follow()
        return self._held

    def _follow(self) -> None:
        identity = self._identity()
        if identity != self._seen:
            self._seen = identity
            self._serve(*self._load(self.decision))

    def _load(self, decision: str) -> tuple[Bundle | None, str | None]:
        path = self._path.resolve() if self._seen is not None else None
        return load_for(path, decision)

    def _identity(self) -> tuple[int, int, int] | None:
        try:
            status = (self._path / "manifest.json").stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_mtime_ns
