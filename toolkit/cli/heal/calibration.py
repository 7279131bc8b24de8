"""Usual silences, learned from everything that a store holds."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import NotEnoughDataError

if TYPE_CHECKING:
    from toolkit.records import CoordinationEvent
    from toolkit.runtime.healing import SilenceThresholds

__all__ = ["calibrated_silences", "learn_events"]

TURN = "turn"
LONGEST = timedelta(hours=1)
"""Longer gaps are pauses of a person, not work."""


def calibrated_silences(store: Path) -> "SilenceThresholds":
    """Learn the usual silences of a store, compacted records and live hook events.

    Parameters
    ----------
    store : path

    Returns
    -------
    SilenceThresholds
    """
    from toolkit.clock import SystemClock
    from toolkit.history import read_store
    from toolkit.runtime.healing import HARNESS_FLOORS, SilenceThresholds, SpoolSwarm

    silences = SilenceThresholds(floors=HARNESS_FLOORS)
    live = SpoolSwarm(store, clock=SystemClock())
    silences.learn_all(live.snapshot(float("-inf")).activity)
    with suppress(NotEnoughDataError):
        events = read_store(store).scan("coordination")
        learn_events(silences, events)  # type: ignore[arg-type]  # a scan of one kind
    return silences


def learn_events(
    silences: "SilenceThresholds", events: Iterable["CoordinationEvent"]
) -> None:
    """Learn each operation's own length, and the model's time between two of an agent.

    Parameters
    ----------
    silences : SilenceThresholds
    events : iterable of CoordinationEvent
        In order of time.
    """
    ended: dict[tuple[str | None, str], datetime] = {}
    for event in events:
        agent = (event.session_id, event.agent_id)
        lasted = timedelta(seconds=event.duration_s or 0.0)
        before = ended.get(agent)
        if before is not None and timedelta() < event.at - before < LONGEST:
            silences.learn(TURN, (event.at - before).total_seconds())
        if event.duration_s is not None:
            silences.learn(event.operation, event.duration_s)
        ended[agent] = max(event.at + lasted, before or event.at)
