"""Online controllers beside the rule and a learned policy, on tables of worker counts.

A problem is run again and again, as a swarm repeats one kind of task. A controller
chooses a number of workers, the nearest on offer is used, and it gets the latency
that Little's law gives for it: with n workers finishing W units in T seconds, one unit
takes n T / W. It never sees a cost, nor any other problem's history. In a replay of
measured records it is shown one that was really run with that size.

References
----------
Little, *A proof for the queuing formula L = lambda W*, Operations Research 9 (1961).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.arrays import Floats, Ints
from toolkit.errors import UsageError
from toolkit.experiments.tables import (
    FullFactorial,
    MeasuredReplay,
)
from toolkit.metrics import (
    BootstrapInterval,
    group_bootstrap,
    paired_group_bootstrap,
)
from toolkit.policies.controllers import (
    Aimd,
    Controller,
    Gradient2,
    SizeBounds,
    Vegas,
)
from toolkit.studies.off_policy.simulation import best_constant, learned_elsewhere

__all__ = ["LATENCY_OF", "Race", "RaceResult", "Runner", "race"]

_LatencyLaw = Callable[[Floats, Floats], Floats]

LATENCY_OF: dict[str, _LatencyLaw] = {
    "time": lambda cost, log_n: cost + log_n,
    "knee": lambda cost, log_n: (cost - log_n) / 2 + log_n,
    "rent": lambda cost, log_n: cost + 0 * log_n,
}
"""Log latency up to a constant, from log cost and log workers: `time` T, `knee` n T^2,
`rent` n T."""
TIMEOUT = 2.0
"""AIMD's timeout, in latencies of its first batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """How long is run, and with what noise.

    Attributes
    ----------
    steps : int
        Batches a problem is run for.
    noise : float
        Standard deviation of log latency.
    change_at : float
        Share of the steps, 0..1, after which the second table applies, if there is one.
    """

    steps: int = 60
    noise: float = 0.02
    change_at: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """How one policy or controller did.

    Attributes
    ----------
    name : str
    whole : BootstrapInterval
        Mean log slowdown against the best constant choice of each problem at each time,
        over all steps: what was paid, tries included.
    settled : BootstrapInterval
        The same over the last third.
    against_rule : BootstrapInterval
        Whole run minus the rule's; below 0 is cheaper.
    """

    name: str
    whole: BootstrapInterval
    settled: BootstrapInterval
    against_rule: BootstrapInterval


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceResult:
    """Every runner on one table.

    Attributes
    ----------
    table : str
    problems : int
    runners : tuple of Runner
    """

    table: str
    problems: int
    runners: tuple[Runner, ...]

    def to_json(self) -> dict[str, Any]:
        """Write every figure as JSON types."""
        return asdict(self)


def race(
    table: FullFactorial,
    cost: str,
    design: Race,
    *,
    rng: np.random.Generator,
    later: FullFactorial | None = None,
    replay: MeasuredReplay | None = None,
) -> RaceResult:
    """Run every policy and controller on every problem of a table.

    Parameters
    ----------
    table : FullFactorial
        Sizes are workers.
    cost : str
        One of `LATENCY_OF`.
    design : Race
    rng : numpy.random.Generator
    later : FullFactorial, optional
        The same problems after the world has changed; static policies were learned
        before.
    replay : MeasuredReplay, optional
        Measured tries of this table, instead of its mean latencies with made-up noise.

    Raises
    ------
    UsageError
        No latency can be derived from this cost.
    """
    if cost not in LATENCY_OF:
        raise UsageError.unknown("cost of worker counts", cost, list(LATENCY_OF))
    worlds = _worlds(table, later, design)
    choices = {
        "oracle": np.stack([_best(each) for each in worlds], axis=1),
        "rule": _held(table.rule, design.steps),
        "best constant": _held(best_constant(table), design.steps),
        "learned": _held(learned_elsewhere(table), design.steps),
    }
    shown = replay or _Law(worlds, LATENCY_OF[cost], design.noise)
    for name in ("aimd", "vegas", "gradient2"):
        choices[name] = _steered(name, table, shown, design.steps, rng)
    regret = {name: _regret(worlds, chosen) for name, chosen in choices.items()}
    return RaceResult(
        table=table.name,
        problems=len(table.rule),
        runners=tuple(
            _runner(name, each, regret["rule"], table.groups, rng)
            for name, each in regret.items()
        ),
    )


def _worlds(
    table: FullFactorial, later: FullFactorial | None, design: Race
) -> list[FullFactorial]:
    """Say which table applies at each step."""
    change = round(design.steps * design.change_at)
    after = table if later is None else replace(later, name=table.name)
    return [table if step < change else after for step in range(design.steps)]


def _best(table: FullFactorial) -> Ints:
    return np.asarray(np.nanargmin(table.log_costs, axis=1), dtype=np.int64)


def _held(actions: Ints, steps: int) -> Ints:
    return np.repeat(actions[:, None], steps, axis=1)


class _Shown(Protocol):
    """What a controller sees of a try."""

    def usual_s(self, problem: int, action: int) -> float:
        """Tell the latency to be expected at the first step."""
        ...

    def draw(
        self, problem: int, action: int, rng: np.random.Generator, *, step: int
    ) -> tuple[float, int]:
        """Draw a latency and a number of failures."""
        ...


class _Law:
    """Latencies of a table's mean costs by Little's law, with log-normal noise."""

    def __init__(
        self, worlds: Sequence[FullFactorial], law: _LatencyLaw, noise: float
    ) -> None:
        self.noise = noise
        log_n = worlds[0].sizes * np.log(2)
        tables = {id(world): law(world.log_costs, log_n) for world in worlds}
        self.log_latencies = [tables[id(world)] for world in worlds]

    def usual_s(self, problem: int, action: int) -> float:
        return float(np.exp(self.log_latencies[0][problem, action]))

    def draw(
        self, problem: int, action: int, rng: np.random.Generator, *, step: int
    ) -> tuple[float, int]:
        noise = float(rng.normal(0, self.noise))
        return float(np.exp(self.log_latencies[step][problem, action] + noise)), 0


def _steered(
    name: str,
    table: FullFactorial,
    shown: _Shown,
    steps: int,
    rng: np.random.Generator,
) -> Ints:
    """Let one controller choose at every step of every problem."""
    chosen = np.empty((len(table.rule), steps), dtype=np.int64)
    for problem, start in enumerate(table.rule):
        # Seconds of any unit: only ratios of latencies steer.
        unit_s = shown.usual_s(problem, int(start))
        controller = _controller(name, table.sizes[problem], int(start))
        size = controller.size
        for step in range(steps):
            distance = np.abs(table.sizes[problem] - np.log2(size))
            action = int(np.nanargmin(distance))
            chosen[problem, step] = action
            latency_s, failures = shown.draw(problem, action, rng, step=step)
            size = controller.observe(latency_s / unit_s, failures=failures)
    return chosen


def _controller(name: str, sizes: Floats, start: int) -> Controller:
    offered = np.round(2**sizes)
    bounds = SizeBounds(
        int(offered[start]),
        minimum=int(np.nanmin(offered)),
        maximum=int(np.nanmax(offered)),
    )
    if name == "aimd":
        return Aimd(bounds, timeout_s=TIMEOUT)
    return Vegas(bounds) if name == "vegas" else Gradient2(bounds)


def _regret(worlds: Sequence[FullFactorial], chosen: Ints) -> Floats:
    """Log slowdown of each problem at each step."""
    rows = np.arange(len(chosen))
    steps = [
        world.log_costs[rows, chosen[:, step]] - np.nanmin(world.log_costs, axis=1)
        for step, world in enumerate(worlds)
    ]
    return np.stack(steps, axis=1)


def _runner(
    name: str,
    regret: Floats,
    rule: Floats,
    groups: NDArray[Any],
    rng: np.random.Generator,
) -> Runner:
    last = regret.shape[1] // 3
    whole = regret.mean(axis=1)
    return Runner(
        name=name,
        whole=group_bootstrap(whole, groups, rng=rng),
        settled=group_bootstrap(regret[:, -last:].mean(axis=1), groups, rng=rng),
        against_rule=paired_group_bootstrap(whole, rule.mean(axis=1), groups, rng=rng),
    )
