"""The optimizer that ships, raced on measured batches with their real failures.

Each context of the records is run for some batches, as an agent runs them: the optimizer
recommends a size, is shown a batch that was really run with the nearest measured size
in that context, cycle and failures as they were, and observes it. What is shown comes from one
half of the repeats; what a size costs, and so the grade, is of the other half, both ways round.
A bundle is of groups that the context's workload is not among.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.bundle import Bundle
from toolkit.clock import VirtualClock
from toolkit.experiments.tables import deal_folds
from toolkit.experiments.training import ExperimentSpec, export_learner, learn
from toolkit.metrics import BootstrapInterval, paired_group_bootstrap
from toolkit.models import DecisionTable, cell_log_cost
from toolkit.policies import Decision, Floats, Policy, Problem, Value
from toolkit.records import Batch, Provenance
from toolkit.runtime.advice import LadderAdvisor
from toolkit.runtime.batching import AdaptiveBatchingOptimizer

__all__ = [
    "FAILURES",
    "STARTED",
    "OptimizerDesign",
    "OptimizerRace",
    "ReplayedContext",
    "bundles_of_others",
    "race_optimizer",
    "replayed_contexts",
]

FAILURES = {"rare": 0.06, "some": 0.21, "frequent": 1.0}
"""Classes by the chance that an operation fails, with the upper end of each."""
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
HALVES = 2
OPTIMIZER, SECOND_HALF, FLOOR = "optimizer", "optimizer, second half", "noise floor"

Cells = tuple[Floats, ...]
"""By size, shape (runs, 2): seconds for each attempted operation, share that succeeded."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReplayedContext:
    """One context of the records: what was run there, by size and half of the repeats.

    Attributes
    ----------
    problem : Problem
    group : str
    failures : str
        One of `FAILURES`.
    halves : tuple of Cells
        Of the even and of the odd repeats.
    """

    problem: Problem
    group: str
    failures: str
    halves: tuple[Cells, Cells]

    @property
    def sizes(self) -> Floats:
        """Measured sizes, ascending."""
        return self.problem.actions[:, 0]

    def nearest(self, size: float) -> int:
        """Find the place of the measured size nearest to a size, in ratio."""
        return int(np.argmin(np.abs(np.log(self.sizes) - np.log(size))))

    def log_costs(self, half: int) -> Floats:
        """Log seconds per operation that succeeds, by size, of one half."""
        return np.array([cell_log_cost(cell) for cell in self.halves[half]])


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerDesign:
    """How the optimizer is run.

    Attributes
    ----------
    seed : int
    batches : int
        Of each context, at least 2.
    explore : float
        Share of the answers that are drawn, 0 to 1.
    shared : bool
        Whether one optimizer meets all contexts in turn, as in a swarm; else each has
        one to itself.
    """

    seed: int
    batches: int = 200
    explore: float = 0.0
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerRace:
    """How the optimizer did in the contexts of one failure class.

    Attributes
    ----------
    failures : str
        A class, or `all`.
    bundle : bool
        Whether it had one.
    contexts : int
    slowdowns : dict of str to float
        Mean log slowdown of each static rung, of the optimizer (`optimizer`), and of the optimizer
        in the second half (`optimizer, second half`), against the best of the half that is shown,
        graded on the other half.
    noise_floor : float
        What the best of one half loses on the other, in log cost.
    against_rule : BootstrapInterval
        Whole run minus the rule's; below 0 is cheaper.
    best_rung : str
        The rung that costs least in this class, found in hindsight.
    against_best_rung : BootstrapInterval
        Second half minus that rung's.
    """

    failures: str
    bundle: bool
    contexts: int
    slowdowns: dict[str, float]
    noise_floor: float
    against_rule: BootstrapInterval
    best_rung: str
    against_best_rung: BootstrapInterval

    def to_json(self) -> dict[str, Any]:
        """Write every figure as JSON types."""
        return asdict(self)


def replayed_contexts(table: DecisionTable) -> list[ReplayedContext]:
    """Take every context apart by size and half of its repeats.

    Parameters
    ----------
    table : DecisionTable
        Of measured batches, with the context column `failure_rate`.
    """
    return [
        ReplayedContext(
            problem=problem,
            group=group,
            failures=_failure_class(float(problem.context["failure_rate"] or 0.0)),
            halves=(_half(runs, repeats, 0), _half(runs, repeats, 1)),
        )
        for problem, group, runs, repeats in zip(
            table.problems, table.groups, table.runs, table.repeats, strict=True
        )
    ]


def _failure_class(chance: float) -> str:
    return next(name for name, most in FAILURES.items() if chance <= most)


def _half(runs: Cells, repeats: Sequence[NDArray[np.int64]], half: int) -> Cells:
    return tuple(
        cell[which % HALVES == half] for cell, which in zip(runs, repeats, strict=True)
    )


def bundles_of_others(
    table: DecisionTable,
    spec: ExperimentSpec,
    *,
    folds: int,
    work: Path,
    now: datetime,
    report: Callable[[str], None],
) -> dict[str, Bundle]:
    """Train a bundle for each group, in which that group has no part.

    Parameters
    ----------
    table : DecisionTable
    spec : ExperimentSpec
    folds : int
        Groups are left out so many times together.
    work : path
        Where the bundles go.
    now : datetime
        Aware, UTC.
    report : callable
        Takes a line for people.
    """
    found: dict[str, Bundle] = {}
    for number, fold in enumerate(
        deal_folds(table.groups, folds=folds, seed=spec.seed)
    ):
        report(f"bundle {number + 1} of {folds}")
        learner = learn(
            table.of_groups(fold.train),
            spec,
            study=f"race/{number}",
            studies=work / "optuna.journal",
            report=lambda *_: None,
        )
        bundle = export_learner(
            work / f"bundle-{number}",
            learner=learner,
            spec=spec,
            metrics={},
            limits=[],
            now=now,
            version=str(number),
        )
        found.update(dict.fromkeys(fold.test, bundle))
    return found


def race_optimizer(
    contexts: Sequence[ReplayedContext],
    bundles: Mapping[str, Bundle],
    design: OptimizerDesign,
) -> list[OptimizerRace]:
    """Run the optimizer in every context, and compare it by failure class.

    Parameters
    ----------
    contexts : sequence of ReplayedContext
    bundles : mapping of str to Bundle
        By group; where a group has none the optimizer is on the rules.
    design : OptimizerDesign

    Returns
    -------
    list of OptimizerRace
        Of each class that occurs, then of all.
    """
    clock = VirtualClock(STARTED)
    paid: list[list[dict[str, float]]] = [[] for _ in contexts]
    for number, places in enumerate(_together(contexts, bundles, design)):
        bundle = bundles.get(contexts[places[0]].group)
        advisor = LadderAdvisor("batch_size", bundle=bundle, clock=clock)
        met = [contexts[place] for place in places]
        for shown in range(HALVES):
            rng = np.random.default_rng([design.seed, number, shown])
            taken = _run(met, advisor, clock, design, shown, rng)
            for place, sizes in zip(places, taken, strict=True):
                paid[place].append(_graded(contexts[place], advisor, shown, sizes))
    mean = [{n: float(np.mean([r[n] for r in runs])) for n in runs[0]} for runs in paid]
    classes = [n for n in FAILURES if any(c.failures == n for c in contexts)]
    rng = np.random.default_rng(design.seed)
    return [
        _compared(name, contexts, mean, bool(bundles), rng)
        for name in (*classes, "all")
    ]


def _together(
    contexts: Sequence[ReplayedContext],
    bundles: Mapping[str, Bundle],
    design: OptimizerDesign,
) -> list[list[int]]:
    """Say which contexts one optimizer meets: those of one bundle, or each alone."""
    if not design.shared:
        return [[place] for place in range(len(contexts))]
    met: dict[int, list[int]] = {}
    for place, context in enumerate(contexts):
        met.setdefault(id(bundles.get(context.group)), []).append(place)
    return list(met.values())


def _graded(
    context: ReplayedContext, advisor: LadderAdvisor, shown: int, taken: Sequence[int]
) -> dict[str, float]:
    """Mean log slowdown of each line on the half that was not shown."""
    costs = context.log_costs(1 - shown)
    loss = costs - costs[int(np.argmin(context.log_costs(shown)))]
    paid = loss[list(taken)]
    return {
        **{
            name: float(loss[context.nearest(_size(policy, context))])
            for name, policy in _rungs(advisor)
        },
        OPTIMIZER: float(paid.mean().round(9)),
        SECOND_HALF: float(paid[len(paid) // 2 :].mean().round(9)),
        FLOOR: float(-loss.min()),
    }


def _rungs(advisor: LadderAdvisor) -> Iterable[tuple[str, Policy]]:
    """Yield the rungs of the ladder, then its own answer."""
    yield "rule", advisor.rule
    for rung in advisor.policy.rungs:
        name = "learned" if rung.name == "learned" else "tuned rule or constant"
        yield name, rung.policy
    yield "ladder", advisor.policy


def _size(policy: Policy, context: ReplayedContext) -> float:
    return float(policy.decide(context.problem).action[0])


class _InContext:
    """Advises in a context as it was measured, whatever its caller knows of it."""

    def __init__(self, advisor: LadderAdvisor) -> None:
        self._advisor = advisor
        self.context: Mapping[str, Value] = {}

    @property
    def bundle(self) -> Bundle | None:
        return self._advisor.bundle

    @property
    def refused(self) -> str | None:
        return self._advisor.refused

    @property
    def offered(self) -> tuple[float, ...]:
        return self._advisor.offered

    def decide(self, context: Mapping[str, Value], /) -> Decision:
        return self._advisor.decide({**context, **self.context})


def _run(
    contexts: Sequence[ReplayedContext],
    advisor: LadderAdvisor,
    clock: VirtualClock,
    design: OptimizerDesign,
    shown: int,
    rng: np.random.Generator,
) -> list[list[int]]:
    """Let one optimizer choose every batch; return the places of the sizes by context."""
    in_context = _InContext(advisor)
    optimizer = AdaptiveBatchingOptimizer(
        in_context, clock=clock, explore=design.explore, rng=rng
    )
    taken: list[list[int]] = [[] for _ in contexts]
    for step in range(design.batches):
        for number in rng.permutation(len(contexts)).tolist():
            context = contexts[number]
            in_context.context = context.problem.context
            operation_type = str(in_context.context["operation_type"])
            place = context.nearest(optimizer.recommend(operation_type).batch_size)
            drawn = rng.choice(context.halves[shown][place]).tolist()
            optimizer.observe(
                _record(
                    f"{number}-{step}", operation_type, int(context.sizes[place]), drawn
                )
            )
            taken[number].append(place)
    return taken


def _record(
    record_id: str, operation_type: str, size: int, drawn: Sequence[float]
) -> Batch:
    each_s, share = drawn
    succeeded = round(share * size)
    return Batch(
        record_id=record_id,
        at=STARTED,
        source="replay",
        provenance=Provenance.MEASURED,
        operation_type=operation_type,
        size=size,
        cycle_s=each_s * size,
        succeeded=succeeded,
        failed=size - succeeded,
        cancelled=0,
    )


def _compared(
    name: str,
    contexts: Sequence[ReplayedContext],
    paid: Sequence[Mapping[str, float]],
    bundle: bool,  # noqa: FBT001 - a fact of the race, not an option
    rng: np.random.Generator,
) -> OptimizerRace:
    kept = [i for i, c in enumerate(contexts) if name in (c.failures, "all")]
    groups = [contexts[i].group for i in kept]
    lines = {
        line: np.array([paid[i][line] for i in kept])
        for line in paid[0]
        if all(line in paid[i] for i in kept)
    }
    floor = float(lines.pop(FLOOR).mean())
    means = {line: float(values.mean()) for line, values in lines.items()}
    rungs = [line for line in lines if line not in (OPTIMIZER, SECOND_HALF, "ladder")]
    best = min(rungs, key=means.__getitem__)
    second = lines[SECOND_HALF]
    return OptimizerRace(
        failures=name,
        bundle=bundle,
        contexts=len(kept),
        slowdowns=means,
        noise_floor=floor,
        against_rule=paired_group_bootstrap(
            lines[OPTIMIZER], lines["rule"], groups, rng=rng
        ),
        best_rung=best,
        against_best_rung=paired_group_bootstrap(second, lines[best], groups, rng=rng),
    )
