"""The monitor's speed, flatness and memory, beside the specification's own form.

Run it: `python -m tests.benchmarks.monitor_speed` (`--quick` for the first million;
`--against FOLDER` for the ratio to another checkout's monitor alone).
Times are seconds of CPU, so that a busy machine does not decide; each claim is a ratio
or a rate of one run. What is compared takes turns. A busy neighbour still shows: it
takes the processor's shared cache, and a thousand agents need more of it than one.
"""

import argparse
import gc
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from toolkit.notifier import SilentNotifier
from toolkit.runtime.coordination import CoordinationMonitor
from toolkit.runtime.coordination.report import CoordinationReport

POOL = 50_000
KEYS_PER_AGENT = 4
SHARED_KEYS = 50
GAP_S = 0.01
"""Time between two events of the swarm."""

ROUNDS = 5
"""Times that each is measured; the shortest stands, since noise only ever adds."""

LAST = 50_000
"""Events at the end of a history that its cost is measured on."""

Event = tuple[str, str, str, str, float, bool]


def traffic(agents: int, seed: int = 1) -> list[Event]:
    """Events of agents that mostly keep to their own keys, with every factor known.

    Only the number of agents differs between two traffics: each has its own four keys
    and all share fifty, and as many events go to those. They take turns, so that the
    share of alerts is the same for one and a thousand. The events are made once and
    left out of garbage collection, like those of a program that has read its input.
    """
    rng = random.Random(seed)
    names = [f"agent-{number}" for number in range(agents)]
    events = []
    for number in range(POOL):
        name = names[number % agents]
        shared = rng.random() < 0.05
        key = (
            f"shared-{rng.randrange(SHARED_KEYS)}"
            if shared
            else f"{name}-{rng.randrange(KEYS_PER_AGENT)}"
        )
        action = "write" if rng.random() < 0.3 else "read"
        operation = "edit" if action == "write" else "look"
        hooked = rng.random() < 0.97
        events.append((name, operation, key, action, rng.random() * 0.2, hooked))
    gc.collect()
    gc.freeze()
    return events


def ignored(report: CoordinationReport) -> None:
    """Build the report only."""


def read_all(report: CoordinationReport) -> None:
    """Read every figure, those too that are worked out when they are asked for."""
    agent, overall = report.agent_efficiency, report.overall_coordination
    _ = agent.trend, agent.absent, agent.factors.values, agent.scores, agent.bottlenecks
    _ = overall.score, overall.idle, overall.overloaded, overall.stale_read_rate
    _ = [advice.notification for advice in report.recommendations]
    _ = [alert.message for alert in report.alerts]


def fed(
    monitor: CoordinationMonitor,
    events: list[Event],
    count: int,
    *,
    start_s: float,
    use: Callable[[CoordinationReport], None] | None = None,
) -> float:
    """Track a number of events and return the seconds of CPU that it took."""
    track = monitor.track
    at = start_s
    left = count
    began = time.process_time()
    while left > 0:
        for name, operation, key, action, waited_s, hooked in events[:left]:
            at += GAP_S
            watch = track(
                name,
                operation,
                key,
                at,
                action=action,
                waited_s=waited_s,
                has_pre_event=True,
                has_post_event=hooked,
            )
            if use is not None:
                use(watch.report())
        left -= len(events)
    return time.process_time() - began


def fresh() -> CoordinationMonitor:
    return CoordinationMonitor(notifier=SilentNotifier())


def rates() -> dict[str, float]:
    """Events a second, of the update alone and with a report at every event."""
    events = traffic(100)
    spent: dict[str, list[float]] = {"update": [], "with_report": [], "all_read": []}
    for _ in range(ROUNDS):
        spent["update"].append(fed(fresh(), events, 50_000, start_s=1e9))
        for name, use in (("with_report", ignored), ("all_read", read_all)):
            spent[name].append(fed(fresh(), events, 50_000, start_s=1e9, use=use))
    return {name: 50_000 / min(seconds) for name, seconds in spent.items()}


def by_agents() -> dict[int, float]:
    """Microseconds an event by number of agents."""
    pools = {agents: traffic(agents) for agents in (1, 10, 100, 1000)}
    spent: dict[int, list[float]] = {agents: [] for agents in pools}
    for _ in range(ROUNDS):
        for agents, events in pools.items():
            spent[agents].append(fed(fresh(), events, 100_000, start_s=1e9))
    return {agents: 1e6 * min(each) / 100_000 for agents, each in spent.items()}


def by_events(most: int) -> dict[str, dict[int, float]]:
    """Microseconds an event, and resident MB, as one monitor's history grows."""
    events = traffic(100)
    fed(fresh(), events, 20_000, start_s=1e9)  # warm the interpreter first
    cost: dict[int, float] = {}
    memory: dict[int, float] = {}
    count = 1000
    while count <= most:
        rounds = max(1, 20_000 // count)
        spent_s = sum(last_of(fresh(), events, count) for _ in range(rounds))
        cost[count] = 1e6 * spent_s / rounds / min(count // 2, LAST)
        count *= 10
    monitor, done = fresh(), 0
    for count in (most // 10, most):
        fed(monitor, events, count - done, start_s=1e9 + done * GAP_S)
        done = count
        gc.collect()
        memory[count] = psutil.Process(os.getpid()).memory_info().rss / 1e6
    return {"us_per_event": cost, "rss_mb": memory}


def last_of(monitor: CoordinationMonitor, events: list[Event], count: int) -> float:
    """Seconds of CPU that the last events of a history of this length take."""
    last = min(count // 2, LAST)
    before = count - last - (count - last) % 100  # whole turns of the agents
    fed(monitor, events, before, start_s=1e9)
    return fed(monitor, events, last, start_s=1e9 + before * GAP_S)


class GrowingMonitor:
    """The specification's own form: arrays that grow, and a pass over every agent."""

    def __init__(self) -> None:
        self.states: dict[str, dict[str, Any]] = {}

    def track(self, agent: str, operation: str, key: str, at: float) -> float:
        """Push, slice the last ten, and look at everybody (specification, section 2)."""
        state = self.states.setdefault(agent, {"operations": [], "last": at})
        state["operations"].append({"operation": operation, "key": key, "at": at})
        state["last"] = at
        recent = state["operations"][-10:]
        repeats = 0
        for name, other in self.states.items():
            if name != agent:
                for theirs in other["operations"][-10:]:
                    repeats += any(
                        theirs["key"] == mine["key"]
                        and theirs["operation"] == mine["operation"]
                        for mine in recent
                    )
        span = recent[-1]["at"] - recent[0]["at"]
        return float(len(recent) / span if span else 0.0) - repeats


def growing(agents: int, count: int) -> dict[str, float]:
    """Microseconds an event and bytes an event of the growing form."""
    monitor, events = GrowingMonitor(), traffic(agents)
    before = psutil.Process(os.getpid()).memory_info().rss
    began = time.process_time()
    for number in range(count):
        name, operation, key, *_ = events[number % len(events)]
        monitor.track(name, operation, key, 1e9 + number * GAP_S)
    spent = time.process_time() - began
    grown = psutil.Process(os.getpid()).memory_info().rss - before
    return {"us_per_event": 1e6 * spent / count, "bytes_per_event": grown / count}


def against(other: Path) -> dict[str, Any]:
    """Events a second of this checkout and of another one, in turns, and their ratio."""
    places = {"here": Path(__file__).parents[2], "there": other.resolve()}
    best: dict[str, dict[str, float]] = {name: {} for name in places}
    for _ in range(3):
        for name, place in places.items():
            for what, rate in apart("rates", place=place).items():
                best[name][what] = max(rate, best[name].get(what, 0.0))
    ratio = {what: best["here"][what] / best["there"][what] for what in best["here"]}
    return {**best, "ratio": ratio}


def apart(what: str, *arguments: object, place: Path | None = None) -> Any:
    """Measure in a process of its own, so that memory is its own too.

    With `place` it is the toolkit of that checkout, and this file of it, that measures.
    """
    code = (
        "import json; from tests.benchmarks import monitor_speed as m; "
        f"print(json.dumps(m.{what}({', '.join(map(repr, arguments))})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=place,
    )
    return json.loads(done.stdout)


def results(*, quick: bool) -> dict[str, Any]:
    """Measure everything and hold it against the targets."""
    speed, agents = apart("rates"), apart("by_agents")
    events = apart("by_events", 10**6 if quick else 10**7)
    cost, memory = events["us_per_event"], events["rss_mb"]
    numbers = list(agents.values())
    first, last = memory[str(10**6)], memory[max(memory, key=int)]
    found = {
        "update_events_per_s": (speed["update"], ">=", 150_000),
        "with_report_events_per_s": (speed["with_report"], ">=", 25_000),
        "report_read_events_per_s": (speed["all_read"], ">=", 25_000),
        "cost_ratio_by_events": (max(cost.values()) / min(cost.values()), "<=", 1.5),
        "cost_ratio_by_agents": (max(numbers) / min(numbers), "<=", 2.0),
        "memory_ratio_10m_to_1m": (last / first, "<=", 1.05),
    }
    return {
        "targets": {
            name: {
                "value": round(value, 3),
                "target": f"{sign} {target:g}",
                "met": value >= target if sign == ">=" else value <= target,
            }
            for name, (value, sign, target) in found.items()
        },
        "us_per_event_by_agents": agents,
        "by_events": events,
        "growing_form": {
            str(count): apart("growing", count, 20_000) for count in (1, 10, 100)
        },
    }


def main() -> dict[str, float]:
    """Print what the first million events show, and give the figures by name."""
    found = results(quick=True)
    sys.stdout.write(f"monitor speed: {json.dumps(found['targets'])}\n")
    return {
        name: each["value"]
        for name, each in found["targets"].items()
        if name != "memory_ratio_10m_to_1m"  # ten million events take minutes
    }


def command(arguments: Sequence[str]) -> int:
    """Print the results as one JSON object; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="stop at a million events")
    parser.add_argument("--against", type=Path, help="the root of another checkout")
    options = parser.parse_args(arguments)
    if options.against is not None:
        sys.stdout.write(json.dumps(against(options.against), indent=2) + "\n")
        return 0
    found = results(quick=options.quick)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0 if all(each["met"] for each in found["targets"].values()) else 1


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]))
