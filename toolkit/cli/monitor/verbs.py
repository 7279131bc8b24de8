"""`toolkit monitor`: replay a store, or follow its live spool."""

import argparse
import dataclasses
import datetime as dt
import heapq
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_text
from toolkit.errors import NotEnoughDataError, UsageError

if TYPE_CHECKING:
    from toolkit.cli import Parser
    from toolkit.notifier import Notification
    from toolkit.records import CoordinationEvent, Record, Turn

__all__ = ["add_parser"]

FOREVER_S = 1e9
"""No session lasts as long: thirty years."""

REFRESH_EVENTS = 2000
"""Events between two frames of a replay."""


def add_parser(subparsers: "argparse._SubParsersAction[Parser]") -> None:
    """Add the noun `monitor`."""
    parser = subparsers.add_parser(
        "monitor",
        help="watch the coordination of a swarm",
        description="Replays the coordination records of a store, or follows its "
        "live spool: agents, scores, trends and alerts.",
    )
    add_store_option(parser)
    parser.add_argument(
        "--follow", action="store_true", help="keep reading what is appended"
    )
    parser.add_argument(
        "--once", action="store_true", help="show one view of what there is, then end"
    )
    add_json_option(
        parser,
        lines="each alert as it is raised, then the snapshot; with --once the snapshot alone",
    )
    parser.add_argument(
        "--interval",
        type=float,
        default=1.0,
        metavar="S",
        help="seconds between two looks at the spool (default: 1)",
    )
    parser.set_defaults(command=monitor)


def monitor(options: argparse.Namespace) -> int:
    """Watch until the history ends, or until interrupted."""
    from toolkit.clock import SystemClock
    from toolkit.history import require_store

    require_store(options.store)
    if not options.interval > 0:
        raise UsageError(f"`--interval` must be above 0 s, got {options.interval}")
    watched = Watched(lines=options.json and not options.once)
    if options.follow:
        import anyio

        anyio.run(follow, watched, options, SystemClock())
        return 0
    return replay(watched, options)


class Watched:
    """A monitor, what it has raised, and its snapshot.

    Parameters
    ----------
    lines : bool
        Print each alert as a JSON line when it is raised.
    """

    def __init__(self, *, lines: bool) -> None:
        from toolkit.runtime.coordination import CoordinationMonitor

        self.lines = lines
        self.events = 0
        self.raised: Counter[str] = Counter()
        self.latest: list[Notification] = []
        self.monitor: CoordinationMonitor = CoordinationMonitor(notifier=self)
        self.listed = self.monitor
        """The monitor whose agents are listed: of one session, with `--once`."""
        self.replied: dict[str, None] = {}
        """Agents of that session that have replied."""

    def notify(self, notification: "Notification", /) -> None:
        """Count an alert and, in a stream of lines, print it."""
        self.raised[str(notification.metadata["alert"])] += 1
        self.latest = [*self.latest[-4:], notification]
        if self.lines:
            _print_line(
                {
                    "type": "alert",
                    "level": notification.level.value,
                    "message": notification.message,
                    **notification.metadata,
                }
            )

    def take(self, record: "CoordinationEvent | Turn") -> None:
        """Track one event, or one reply of an agent's model."""
        from toolkit.records import Turn

        if isinstance(record, Turn):
            self.monitor.observe_turn(record)
            return
        self.monitor.observe(record)
        self.events += 1

    def list_session(self, records: Iterable["CoordinationEvent | Turn"]) -> None:
        """List the agents of one session, however long ago each was active.

        Parameters
        ----------
        records : iterable of CoordinationEvent or Turn
            All of the session, in order of time. An agent that only replied is listed
            with no operation.
        """
        from toolkit.notifier import SilentNotifier
        from toolkit.records import Turn
        from toolkit.runtime.coordination import (
            CoordinationMonitor,
            MonitorSettings,
            agent_name,
        )

        self.listed = CoordinationMonitor(
            notifier=SilentNotifier(), settings=MonitorSettings(forget_s=FOREVER_S)
        )
        for record in records:
            if isinstance(record, Turn):
                self.replied[agent_name(record.agent_id, record.session_id)] = None
            else:
                self.listed.observe(record)

    def snapshot(self) -> dict[str, Any]:
        """Everything that is known now, as JSON types."""
        latest_s = self.monitor.latest_s
        return {
            "type": "snapshot",
            "at": None
            if latest_s is None
            else dt.datetime.fromtimestamp(latest_s, dt.UTC).isoformat(),
            "events": self.events,
            "overall": dataclasses.asdict(self.monitor.overall()),
            "agents": [
                self._agent(name)
                for name in dict.fromkeys((*self.listed.agents, *self.replied))
            ],
            "alerts": [
                {**dataclasses.asdict(alert), "message": alert.message}
                for alert in self.monitor.alerts
            ],
            "alerts_raised": dict(sorted(self.raised.items())),
        }

    def _agent(self, name: str) -> dict[str, Any]:
        efficiency = self.listed.efficiency(name)
        return {
            "agent": name,
            "operations": efficiency.operations,
            "score": efficiency.score,
            "band": efficiency.band,
            "trend": efficiency.trend,
            "sudden_drop": efficiency.sudden_drop,
            "factors": dataclasses.asdict(efficiency.factors),
            "absent": list(efficiency.absent),
            "bottlenecks": list(efficiency.bottlenecks),
        }


def replay(watched: Watched, options: argparse.Namespace) -> int:
    """Replay what a store holds and show how it ended."""
    from contextlib import nullcontext

    from toolkit.cli.monitor.view import live_view

    shown = live_view() if _animated(options) else nullcontext()
    with shown as update:
        for event in _stored(options.store):
            watched.take(event)
            if update and watched.events % REFRESH_EVENTS == 0:
                update(watched.snapshot(), watched.latest)
    if not watched.events:
        raise NotEnoughDataError(
            f"a view of {options.store}", got=0, needed=1, unit="coordination records"
        )
    if options.once:
        watched.list_session(_last_session(options.store))
    _show(watched, options)
    return 0


def _last_session(store: Path) -> Iterator["CoordinationEvent | Turn"]:
    """Read the records of the session that was active last."""
    latest = None
    for record in _stored(store):
        latest = record.session_id
    for record in _stored(store):
        if record.session_id == latest:
            yield record


async def follow(watched: Watched, options: argparse.Namespace, clock: Any) -> None:
    """Follow the live spool; `--once` looks once."""
    from contextlib import nullcontext

    from toolkit.cli.monitor.view import live_view
    from toolkit.records import CoordinationEvent, Spool, SpoolFollower

    spool = SpoolFollower(Spool(options.store / "spool"))
    shown = live_view() if _animated(options) else nullcontext()
    if not options.once:
        print_note(f"following {options.store}; Ctrl-C ends")
    with shown as update:
        while True:
            fresh = 0
            for event in spool.records(CoordinationEvent):
                watched.take(event)
                fresh += 1
            watched.monitor.advance(clock.now())
            if update:
                update(watched.snapshot(), watched.latest)
            elif options.once or fresh:
                _show(watched, options)
            if options.once:
                break
            await clock.sleep(options.interval)


def _stored(store: Path) -> Iterator["CoordinationEvent | Turn"]:
    """Read a store's events and its models' replies in order of time."""
    from toolkit.history import read_store

    dataset = read_store(store)

    def records(kind: str) -> Iterator["Record"]:
        with suppress(NotEnoughDataError):  # `replay` says what it looked for
            yield from dataset.scan(kind)

    yield from heapq.merge(  # type: ignore[misc]  # of these kinds
        records("coordination"), records("turn"), key=attrgetter("at")
    )


def _animated(options: argparse.Namespace) -> bool:
    return not (options.once or options.json) and sys.stdout.isatty()


def _show(watched: Watched, options: argparse.Namespace) -> None:
    from toolkit.cli.monitor.view import print_view

    if not options.json:
        print_view(watched.snapshot(), watched.latest)
    elif options.once:
        print_json(watched.snapshot())
    else:
        _print_line(watched.snapshot())


def _print_line(row: dict[str, Any]) -> None:
    print_text(json.dumps(row, allow_nan=False, default=str), flush=True)
