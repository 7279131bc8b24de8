"""What a swarm does, how often it fails, and how its batches are sized."""

from dataclasses import dataclass

from toolkit.errors import UsageError

__all__ = ["SwarmSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmSettings:
    """One run of a swarm.

    Attributes
    ----------
    workers : int
        Processes, 1 or more.
    duration_s : float
        How long they work.
    turn_s : float
        What a turn costs before its batch: the wait for the model.
    failures : float
        Share of the operations that fail, 0 to 1. A failure undoes its whole batch:
        files and memory are rolled back, and the siblings are void.
    size : int
        Of every batch, without the toolkit; 0 has the embedded optimizer decide.
    waiting : int
        Operations that wait for each worker at once, with the toolkit: a batch is never
        larger; 0 for any number.
    turn_spread : float
        Deviation of the logarithm of a turn's wait; 0 for turns alike.
    explore : float
        Share of the sizes that the optimizer draws.
    seed : int
    look_s : float
        How often healing looks, and how long a recovery must last.
    kill_s : float, optional
        After so long one worker is killed.
    outage_s : tuple of float, optional
        From when to when every operation fails.
    """

    workers: int = 8
    duration_s: float = 6.0
    turn_s: float = 0.06
    failures: float = 0.03
    size: int = 0
    waiting: int = 0
    turn_spread: float = 0.0
    explore: float = 0.0
    seed: int = 0
    look_s: float = 15.0
    kill_s: float | None = None
    outage_s: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse a swarm that could not work."""
        if self.workers < 1 or self.duration_s <= 0 or not 0 <= self.failures < 1:
            raise UsageError(
                "`workers` must be at least 1, `duration_s` above 0 and `failures` "
                f"below 1; got {self.workers}, {self.duration_s}, {self.failures}"
            )
