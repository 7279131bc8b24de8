"""The terminal view of the monitor: agents, scores, trends, alerts."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from toolkit.escaping import printable

if TYPE_CHECKING:
    from toolkit.notifier import Notification

__all__ = ["live_view", "print_view"]

MOST_AGENTS = 15
"""Agents listed, the weakest first; how many more there are is said."""

STYLES = {
    "excellent": "bold green",
    "good": "green",
    "acceptable": "yellow",
    "poor": "red",
    "critical": "bold red",
}

FACTORS = {
    "operation_frequency": "freq",
    "memory_consistency": "memory",
    "coordination_latency": "wait",
    "duplicate_work": "dupl",
    "hook_compliance": "hooks",
}

COLUMNS = {"ops": 4, "score": 5, "band": 10, "trend": 6} | dict.fromkeys(
    FACTORS.values(), 4
)
"""Numeric columns with the width that they keep on a narrow terminal."""

Update = Callable[[dict[str, Any], Sequence["Notification"]], None]


@contextmanager
def live_view() -> Iterator[Update]:
    """Show a view that is redrawn in place while the context lasts."""
    with Live(console=Console(), transient=True, auto_refresh=False) as live:

        def update(snapshot: dict[str, Any], latest: Sequence["Notification"]) -> None:
            live.update(view(snapshot, latest), refresh=True)

        yield update


def print_view(snapshot: dict[str, Any], latest: Sequence["Notification"]) -> None:
    """Print the view once."""
    Console().print(view(snapshot, latest, most=len(snapshot["agents"])))


def view(
    snapshot: dict[str, Any],
    latest: Sequence["Notification"],
    *,
    most: int = MOST_AGENTS,
) -> Group:
    """Lay a snapshot out: the swarm, its agents, the latest alerts.

    Parameters
    ----------
    snapshot : dict
    latest : sequence of Notification
    most : int
        Agents listed.

    Returns
    -------
    Group
    """
    parts: list[Any] = [_headline(snapshot), _rates(snapshot["overall"])]
    if snapshot["agents"]:
        parts.append(_agents(snapshot, most))
    parts.append(_raised(snapshot))
    parts += [Text(f"  {told.level}: {printable(told.message)}") for told in latest]
    return Group(*parts)


def _headline(snapshot: dict[str, Any]) -> Text:
    overall = snapshot["overall"]
    at = (snapshot["at"] or "no event yet")[:19].replace("T", " ")
    return Text(
        f"{at}   {snapshot['events']} events   {overall['live_agents']} live agents   "
        f"coordination {_number(overall['score'])}",
        style="bold",
    )


def _rates(overall: dict[str, Any]) -> Text:
    return Text(
        f"duplicate work {_share(overall['duplicate_work_rate'])}   "
        f"conflicting writes {_share(overall['conflicting_write_rate'])}   "
        f"stale reads {_share(overall['stale_read_rate'])}   "
        f"idle {len(overall['idle'])}   overloaded {len(overall['overloaded'])}   "
        f"late {overall['late']}"
    )


def _agents(snapshot: dict[str, Any], most: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("agent", no_wrap=True, overflow="ellipsis", max_width=28)
    for name in ("ops", "score", "band", "trend", *FACTORS.values(), "alerts"):
        table.add_column(
            name, justify="left" if name in {"band", "alerts"} else "right"
        )
    lasting: dict[str, list[str]] = {}
    for alert in snapshot["alerts"]:
        lasting.setdefault(alert["agent"], []).append(str(alert["kind"]))
    ranked = sorted(snapshot["agents"], key=_weakest_first)
    for agent in ranked[:most]:
        _add_agent(table, agent, lasting.get(agent["agent"], []))
    if len(ranked) > most:
        table.add_row(f"... {len(ranked) - most} more")
    return table


def _add_agent(table: Table, agent: dict[str, Any], alerts: list[str]) -> None:
    band = agent["band"]
    table.add_row(
        Text(_short(agent["agent"])),  # a plain string would be markup
        str(agent["operations"]),
        _number(agent["score"]),
        "no score" if band is None else str(band),
        "-" if agent["trend"] is None else f"{agent['trend']:+.3f}",
        *(_number(agent["factors"][name]) for name in FACTORS),
        Text(printable(", ".join(alerts))),
        style=STYLES.get(str(band), "dim") if band is not None else "dim",
    )


def _short(agent: str) -> str:
    """Shorten the session's id; the agent's own name tells agents apart."""
    session, slash, name = printable(agent).rpartition("/")
    return f"{session[:8]}{slash}{name[:11]}"


def _weakest_first(agent: dict[str, Any]) -> tuple[bool, float, str]:
    score = agent["score"]
    return score is None, 0.0 if score is None else score, agent["agent"]


def _raised(snapshot: dict[str, Any]) -> Text:
    raised = snapshot["alerts_raised"]
    if not raised:
        return Text("no alert was raised", style="dim")
    listed = "   ".join(f"{kind} {count}" for kind, count in raised.items())
    return Text(f"alerts raised: {listed}", style="bold")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "no data" if value is None else f"{value:.1%}"
