"""An advisor that follows a link: when another bundle is swapped in, it serves that."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.clock import Clock
from toolkit.policies import Decision, Value
from toolkit.runtime.advice.advisor import Advisor, open_advisor

__all__ = ["ReloadingAdvisor"]

LOOK_EVERY_S = 5.0


class ReloadingAdvisor:
    """Decides as an `Advisor` does, and looks now and then whether the bundle changed.

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
        self._decision = decision
        self._clock = clock
        self._look_every_s = look_every_s
        self._seen = self._identity()
        self._looked_s = clock.monotonic_s()
        self._advisor = self._open()

    @property
    def advisor(self) -> Advisor:
        """The advisor that serves now."""
        return self._advisor

    def decide(
        self, context: Mapping[str, Value], actions: Sequence[float] | None = None
    ) -> Decision:
        """Take a decision with the bundle that is in place now."""
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s >= self._look_every_s:
            self._looked_s = now_s
            self._follow()
        return self._advisor.decide(context, actions)

    def _follow(self) -> None:
        identity = self._identity()
        if identity != self._seen:
            self._seen = identity
            self._advisor = self._open()

    def _open(self) -> Advisor:
        path = self._path.resolve() if self._seen is not None else None
        return open_advisor(path, decision=self._decision, clock=self._clock)

    def _identity(self) -> tuple[int, int, int] | None:
        try:
            status = (self._path / "manifest.json").stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino, status.st_mtime_ns
