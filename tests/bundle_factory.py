"""Small real bundles for tests: a stack fitted on a law with a known optimum, exported."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.bundle import (
    MANIFEST_NAME,
    SEAL_NAME,
    SECTION,
    Bundle,
    Column,
    Conformal,
    Fallback,
    FeatureSchema,
    Float32s,
    Manifest,
    RungSpec,
    StackSection,
    Support,
    make_seal,
    rule_of,
)
from toolkit.export import write_bundle
from toolkit.models import (
    DecisionTable,
    FittedStack,
    RelativeMember,
    RelativeRows,
    Stack,
)
from toolkit.models.measurement_learning import learn_measurement_prior
from toolkit.models.members import RelativeQuadratic
from toolkit.policies import (
    Confidence,
    CostLevel,
    Evidence,
    Floats,
    Problem,
    Value,
)
from toolkit.policies.adaptation import Intervals, MeasurementPrior
from toolkit.policies.rules import AgentCountConstants

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SIZES = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0)
KINDS = ("fileOperations", "todoWrite")

AGENTS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
PRICE_EXPONENT = 0.5

AGENT_SCHEMA = FeatureSchema(
    context=(
        Column(name="components", log=True),
        Column(name="coordination_needs", unit="ratio"),
    ),
    action=tuple(
        Column(name=name)
        for name in (
            "agents",
            "below_largest:agents",
            "above_smallest:agents",
            "share:agents",
            "from_rule:agents",
        )
    ),
    action_is_log=True,
)

SCHEMA = FeatureSchema(
    context=(
        Column(
            name="operation_type", kind="category", unit="category", categories=KINDS
        ),
        Column(name="load_cpu", unit="ratio"),
        Column(name="operation_bytes", unit="byte", log=True),
    ),
    action=tuple(
        Column(name=name)
        for name in (
            "size",
            "below_largest:size",
            "above_smallest:size",
            "share:size",
            "from_rule:size",
        )
    ),
    action_is_log=True,
)


SHOWN = Evidence(
    below="rule",
    groups=24,
    groups_needed=19,
    difference=-0.3,
    upper=-0.1,
    level=0.95,
    not_worse=0.9,
)
"""Evidence that opens a rung."""
LEARNED = RungSpec(name="learned", rule="learned", evidence=SHOWN)


@dataclass(frozen=True)
class Lesson:
    """A stack fitted on problems of a law, with what its bundle needs."""

    stack: FittedStack
    rows: RelativeRows
    section: StackSection


def learned(
    problems: list[tuple[dict[str, Value], Floats]],
    column: str,
    actions: tuple[float, ...],
    schema: FeatureSchema,
    fallback: Fallback,
    *,
    member: RelativeMember | None = None,
    prior: MeasurementPrior | None = None,
) -> Lesson:
    """Fit a member, the quadratic one unless given, on contexts and their log costs.

    The prior of measurements takes much longer to learn than a member, unless it is given.
    """
    rule = rule_of(fallback)
    asked = [Problem.of(column, actions, **context) for context, _ in problems]
    groups = tuple(f"g{place % 24:02d}" for place in range(len(problems)))
    table = DecisionTable(
        name="law",
        cost="cost",
        schema=replace(schema, action_is_log=False),
        problems=tuple(asked),
        log_costs=tuple(costs for _, costs in problems),
        groups=groups,
        names=tuple(map(str, range(len(problems)))),
        rules=tuple(rule.decide(problem).index for problem in asked),
        weights=(np.ones(len(actions)),) * len(problems),
        axes=(0,),
    )
    rows = table.rows()
    members = (("quadratic", member or RelativeQuadratic(penalty=0.1)),)
    stack = Stack(seed=0, members=members).fit(table)
    contexts = [schema.encode_context(p.context).astype(np.float64) for p in asked]
    levels = [costs.mean() for _, costs in problems]
    return Lesson(
        stack=stack,
        rows=rows,
        section=StackSection(
            sizes=True,
            prior=prior or learn_measurement_prior(rows, stack.held_out, (0,), 0),
            intervals=Intervals(slope=1.0, factor=0.5),
            confidence=Confidence(intercept=0.0, saving=4.0, certainty=0.5),
            level=_level(np.array(contexts), np.array(levels)),
        ),
    )


def _level(X: Floats, y: Floats) -> CostLevel:
    centre = X.mean(axis=0)
    slope = np.linalg.lstsq(X - centre, y - y.mean(), rcond=None)[0]
    return CostLevel(
        intercept=float(y.mean()),
        centre=tuple(centre.tolist()),
        slope=tuple(slope.tolist()),
        spread=tuple(X.std(axis=0).tolist()),
        deviation=0.05,
    )


def size_costs(load: float, kind: int) -> Floats:
    """The law of `small_bundle`: its best size is about 20 idle and 5 busy."""
    n = np.array(SIZES)
    kappa = 0.002 + 0.03 * load
    costs: Floats = np.log((1 + 0.1 * (n - 1) + kappa * n * (n - 1)) / n)
    return costs + 0.3 * kind


def manifest_of(**changed: Any) -> Manifest:
    """A complete manifest but for the files."""
    values: dict[str, Any] = {
        "name": "batch-size",
        "version": "1",
        "decision": "batch_size",
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=30),
        "feature_schema": SCHEMA,
        "actions": SIZES,
        "support": Support(
            column="operation_type",
            counts={kind: tuple((n, 50) for n in SIZES) for kind in KINDS},
            ranges={"load_cpu": (0.0, 1.0)},
        ),
        "minimum_support": 5.0,
        "fallback": Fallback(rule="batch_size_rule", constant=4.0),
        "conformal": Conformal(
            level=0.9,
            low=-0.1,
            high=0.1,
            probabilities=(0.01, 0.05, 0.5, 0.95, 0.99),
            differences=(-0.08, -0.05, 0.0, 0.05, 0.08),
            groups=12,
        ),
        "guard_level": 0.95,
        "adaptation_rate": 0.1,
        "adaptation_every": 5,
        "cost_unit": "seconds per successful operation",
        "training": {"rows": 900},
        "metrics": {},
        "files": {},
        "ladder": (LEARNED,) if SECTION in changed.get("extra", {}) else (),
    }
    return Manifest(**{**values, **changed})


def small_lesson(member: RelativeMember | None = None) -> Lesson:
    """Fit what `small_bundle` exports: a member of one's own, or the quadratic one once."""
    lesson = _quadratic_sizes()
    if member is None:
        return lesson
    return _sizes(member=member, prior=lesson.section.prior)


@cache
def _quadratic_sizes() -> Lesson:
    return _sizes()


def _sizes(
    *, member: RelativeMember | None = None, prior: MeasurementPrior | None = None
) -> Lesson:
    rng = np.random.default_rng(0)
    problems: list[tuple[dict[str, Value], Floats]] = []
    for load in np.linspace(0, 1, 24).tolist():
        for kind, name in enumerate(KINDS):
            noise = rng.normal(0, 0.02, len(SIZES))
            problems.append(
                (
                    {
                        "operation_type": name,
                        "load_cpu": load,
                        "operation_bytes": float(rng.lognormal(8, 1)),
                    },
                    size_costs(load, kind) + noise,
                )
            )
    fallback = Fallback(rule="batch_size_rule", constant=4.0)
    return learned(
        problems, "size", SIZES, SCHEMA, fallback, member=member, prior=prior
    )


def training_rows() -> tuple[Float32s, Floats]:
    """Encoded rows of `small_lesson` and their relative log costs."""
    rows = small_lesson().rows
    return rows.X.astype(np.float32), rows.regret


def small_bundle(
    directory: Path, *, member: RelativeMember | None = None, **changed: Any
) -> Bundle:
    """Fit, export and load."""
    lesson = small_lesson(member)
    return write_bundle(
        directory,
        model=lesson.stack,
        manifest=manifest_of(
            **{"extra": {SECTION: lesson.section.to_json()}, **changed}
        ),
        X=lesson.rows.X.astype(np.float32),
        seed=1,
        probes=2000,
    )


def makespan_s(components: Any, needs: Any, agents: Any) -> Any:
    """The law of `agent_bundle`: parts of 2 s, contention that grows with the needs."""
    sigma, kappa = 0.01 + 0.9 * needs, 0.002
    slowdown = 1 + sigma * (agents - 1) + kappa * agents * (agents - 1)
    return 2 * components * slowdown / agents


COUNT_RULE = Fallback(
    rule="agent_count_rule",
    constant=4.0,
    parameters=asdict(AgentCountConstants()),
)


@cache
def _quadratic_counts() -> Lesson:
    return _counts()


def _counts(
    *, member: RelativeMember | None = None, prior: MeasurementPrior | None = None
) -> Lesson:
    rng = np.random.default_rng(0)
    counts = np.array(AGENTS)
    problems: list[tuple[dict[str, Value], Floats]] = []
    for needs in np.linspace(0, 1, 24).tolist():
        for components in (2.0, 6.0, 16.0, 40.0):
            time = np.log(makespan_s(components, needs, counts))
            cost = time + PRICE_EXPONENT * np.log(counts)
            context: dict[str, Value] = {
                "components": components,
                "coordination_needs": needs,
            }
            problems.append((context, cost + rng.normal(0, 0.02, len(counts))))
    return learned(
        problems,
        "agents",
        AGENTS,
        AGENT_SCHEMA,
        COUNT_RULE,
        member=member,
        prior=prior,
    )


def agent_bundle(
    directory: Path,
    *,
    price_exponent: float | None = PRICE_EXPONENT,
    member: RelativeMember | None = None,
    **changed: Any,
) -> Bundle:
    """Fit on workflows whose best count is 12 without needs and 1 with many; export."""
    lesson = _quadratic_counts()
    if member is not None:
        lesson = _counts(member=member, prior=lesson.section.prior)
    values = {
        "name": "agent-count",
        "decision": "agent_count",
        "feature_schema": AGENT_SCHEMA,
        "actions": AGENTS,
        "support": Support(
            column=None,
            counts={"": tuple((n, 50) for n in AGENTS)},
            ranges={"components": (2.0, 40.0), "coordination_needs": (0.0, 1.0)},
        ),
        "fallback": COUNT_RULE,
        "cost_unit": "makespan_s^0.5 * agent_seconds^0.5",
        "extra": {
            **(
                {}
                if price_exponent is None
                else {"workflow": {"price_exponent": price_exponent}}
            ),
            SECTION: lesson.section.to_json(),
        },
    }
    return write_bundle(
        directory,
        model=lesson.stack,
        manifest=manifest_of(**{**values, **changed}),
        X=lesson.rows.X.astype(np.float32),
        seed=1,
        probes=2000,
    )


def rewrite(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a manifest as a person would who knows the format: hashes and seal agree."""
    path = directory / MANIFEST_NAME
    value = json.loads(path.read_text())
    for name in value["files"]:
        if (directory / name).exists():
            content = (directory / name).read_bytes()
            value["files"][name] = hashlib.sha256(content).hexdigest()
    change(value)
    path.write_text(json.dumps(value))
    (directory / SEAL_NAME).write_bytes(make_seal(path.read_bytes(), None))
