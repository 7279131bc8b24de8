"""The terminal view of healing: agents, sessions under way, notifications."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from toolkit.escaping import printable
from toolkit.notifier import Notification
from toolkit.runtime.healing import (
    AgentState,
    CheckResult,
    HealingSession,
    SwarmSnapshot,
)

__all__ = ["HealFrame", "live_heal_view"]

MOST_LINES = 12
STYLES = {"success": "green", "warning": "yellow", "error": "red", "info": "cyan"}

HealFrame = Callable[
    [
        SwarmSnapshot,
        Sequence[CheckResult],
        Sequence[HealingSession],
        Sequence[Notification],
    ],
    None,
]


@contextmanager
def live_heal_view() -> Iterator[HealFrame]:
    """Show a view that is redrawn in place while the context lasts."""
    with Live(console=Console(stderr=True), auto_refresh=False) as live:

        def show(
            snapshot: SwarmSnapshot,
            results: Sequence[CheckResult],
            sessions: Sequence[HealingSession],
            told: Sequence[Notification],
        ) -> None:
            lines = map(_line, told[-MOST_LINES:])
            parts = (_agents(snapshot), _checks(results), _sessions(sessions))
            live.update(Group(*parts, *lines), refresh=True)

        yield show


def _agents(snapshot: SwarmSnapshot) -> Table:
    done = "" if snapshot.completed is None else f", {snapshot.completed} tasks done"
    table = Table(title=f"second {snapshot.at_s:.0f}{done}", title_justify="left")
    for name in ("agent", "process", "in hand", "silent for"):
        table.add_column(name)
    for agent in snapshot.agents:
        last_s = agent.since_s if agent.active_s is None else agent.active_s
        table.add_row(
            _plain(agent.agent_id),
            _process(agent),
            _plain(agent.operation_type or "nothing"),
            f"{snapshot.at_s - last_s:.0f} s",
        )
    return table


def _plain(text: str, style: str = "") -> Text:
    """Show a text from outside as it is: no markup, nothing that steers a terminal."""
    return Text(printable(text, keep="\n"), style=style)


def _process(agent: AgentState) -> str:
    if agent.alive is None:
        return "not seen"
    return "runs" if agent.alive else "gone"


def _checks(results: Sequence[CheckResult]) -> Text:
    shown = (
        f"{result.check} {'unknown' if result.value is None else f'{result.value:.2f}'}"
        for result in results
    )
    return Text("   ".join(shown), style="bold")


def _sessions(sessions: Sequence[HealingSession]) -> Text:
    if not sessions:
        return Text("nothing is being healed", style="dim")
    lines = (printable(f"healing {s.cause}: {s.rung} ({s.phase})") for s in sessions)
    return _plain("\n".join(lines), "yellow")


def _line(told: Notification) -> Text:
    rung = told.metadata.get("rung")
    said = printable(f"{told.message}{'' if rung is None else f' by {rung}'}")
    return _plain(f"  {said}", STYLES[told.level.value])
