"""What a manifest may say: one line a field, and what its fields must be together.

A new field of the manifest is one more line here; a section of `extra` likewise. The
bounds are those within which the runtime can be trusted with a value, wherever it comes from.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from toolkit.bundle.json_rules import (
    Rule,
    array,
    aware_time,
    flag,
    mapping,
    number,
    one_of,
    optional,
    pair,
    plain_name,
    section,
    text,
    tree,
    whole,
)
from toolkit.bundle.outcome_bounds import CONSTRAINTS, bounds_problem
from toolkit.errors import SchemaError
from toolkit.policies import OFFERED_PLACES

if TYPE_CHECKING:
    from toolkit.bundle.manifest import Manifest

__all__ = [
    "ACTION_BOUNDS",
    "ACTION_COLUMNS",
    "DECISIONS",
    "METHOD",
    "check_manifest",
    "check_meaning",
]

ACTION_BOUNDS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"batch_size": (1, 20), "agent_count": (1, 12)}
)
"""Whole numbers that may be recommended: up to the specification's largest maximum, 20
operations (section 1) and 12 agents (section 3)."""

ACTION_COLUMNS: Mapping[str, str] = MappingProxyType(
    {"batch_size": "size", "agent_count": "agents"}
)
"""What each decision calls its action."""

DECISIONS = (*ACTION_BOUNDS, "table")
"""What a bundle decides; `table` is any decision table with named columns."""

METHOD: Mapping[str, object] = MappingProxyType(
    {"rounding": "half_up", "nearest": "ratio", "decimals": 12}
)
"""How a rule's number becomes an action: rounded half up, then the offered action nearest
in ratio, gaps compared to so many decimals. Another method needs another reader."""

LOG_COST = number(-100, 100)
"""A natural logarithm of a cost: e^100 is above every cost there is."""

COLUMN = section(
    {
        "name": text(100, least=1),
        "kind": one_of("number", "category"),
        "unit": text(40),
        "about": text(400),
        "categories": array(text(100), most=256),
        "log": flag,
    }
)

FIGURES = mapping(text(100), tree(), most=256)
"""Figures by name, for people: bounded in size, finite, printable."""

SIZE = whole(1, 20)
THRESHOLDS = {
    "high_load": number(0, 1),
    "low_load": number(0, 1),
    "shrink": number(0.05, 1),
    "grow": number(1, 20),
    "high_complexity": number(0, 1),
    "unknown_load": number(0, 1),
    "optimums": mapping(
        text(100, least=1), array(SIZE, least=3, most=3, order="rising"), most=256
    ),
}
AGENT_CONSTANTS = {
    "default_components": number(0, 1e6),
    "default_dependencies": number(0, 1e6),
    "default_parallelizable": number(0, 1),
    "default_coordination_needs": number(0, 1),
    "overhead_weight": number(0, 100),
    "fewest": whole(1, 12),
    "most": whole(1, 12),
    "lower_share": number(0, 1),
    "upper_share": number(1, 10),
}

TABLE_NUMBERS = {"batch": number(1e-6, 1e6), "workers": number(1e-6, 1e6)}
PARAMETERS: Mapping[str, Mapping[str, Rule]] = MappingProxyType(
    {
        "batch_size_rule": THRESHOLDS,
        "agent_count_rule": AGENT_CONSTANTS,
        "table_rule": {**TABLE_NUMBERS, **AGENT_CONSTANTS},
        "constant": {},
        "learned": {},
    }
)
"""Numbers of each rule, all of which must be there."""

EVIDENCE = section(
    {
        "below": one_of("rule", "tuned rule", "best constant"),
        "groups": whole(0, 10**9),
        "groups_needed": whole(1, 10**9),
        "difference": optional(LOG_COST),
        "upper": optional(LOG_COST),
        "level": number(0.5, 0.9999),
        "not_worse": optional(number(0, 1)),
        "assumes": one_of("", "normal"),
        "observed": flag,
    }
)
RUNG = section(
    {
        "name": one_of("tuned rule", "best constant", "learned"),
        "rule": one_of("batch_size_rule", "agent_count_rule", "constant", "learned"),
        "constant": number(-1e6, 1e6),
        "parameters": section({}, may={**THRESHOLDS, **AGENT_CONSTANTS}),
        "evidence": EVIDENCE,
    }
)

VECTOR = array(number(-1e9, 1e9), most=1024)
SCALES = array(number(0, 1e6), least=1, most=32)
TERM = array(pair(whole(0, 1023), number(-1e9, 1e9)), least=1, most=4)
"""Columns with knots, of a level whose terms are products of hinges."""
LINEAR = {"spread"}
HINGES = {"low", "high", "unknown", "widening", "terms"}
"""What a level has beside the common fields: a linear form, or one of hinges."""
STACK = section(
    {
        "sizes": flag,
        "measurement_prior": section(
            {
                "axes": array(whole(0, 15), least=1, most=16),
                "spread": array(number(1e-9, 1e9), least=1, most=16),
                "amplitudes": array(SCALES, least=2, most=2),
                "scales": SCALES,
                "weights": array(SCALES, least=2, most=2),
                "noise": number(0, 1e6),
                "stretch": flag,
                "lengths": array(number(1e-3, 1e3), least=2, most=2),
            }
        ),
        "intervals": section(
            {
                "slope": number(0, 100),
                "factor": number(0, 1000),
                "knee": number(1e-3, 100),
                "most_knees": number(0, 10),
                "least_badness": number(0, 100),
                "widest": number(0, 100),
                "normal": number(0, 100),
            }
        ),
        "confidence": section(
            {name: number(-1e6, 1e6) for name in ("intercept", "saving", "certainty")}
        ),
        "level": optional(
            section(
                {
                    "intercept": LOG_COST,
                    "centre": VECTOR,
                    "slope": VECTOR,
                    "deviation": number(0, 100),
                },
                may={
                    "spread": VECTOR,
                    "columns": array(COLUMN, most=256),
                    "low": VECTOR,
                    "high": VECTOR,
                    "unknown": VECTOR,
                    "widening": array(number(-100, 100), most=1024),
                    "terms": array(TERM, most=1024),
                },
            )
        ),
    }
)

OUTCOME = section(
    {
        "name": text(100, least=1),
        "at_most": number(1e-9, 1e18),
        "probability": number(0.5, 0.9999),
        "intercept": LOG_COST,
        "centre": VECTOR,
        "spread": VECTOR,
        "action_centre": VECTOR,
        "slope": array(number(-1e9, 1e9), most=65_536),
        "deviation": number(1e-9, 100),
    }
)
SECTIONS: dict[str, Rule] = {
    CONSTRAINTS: section(
        {
            "sizes": flag,
            "margin": optional(number(0, 1e6)),
            "groups": whole(0, 10**9),
            "outcomes": array(OUTCOME, least=1, most=16),
        }
    ),
    "stack": STACK,
    "workflow": section({"price_exponent": number(0, 1)}),
}
"""Sections of `extra` by name; any other is bounded in size, its numbers finite."""

FIELDS: dict[str, Rule] = {
    "schema_version": one_of(2, 3),
    "method": section({name: one_of(known) for name, known in METHOD.items()}),
    "name": text(100, least=1),
    "version": plain_name(64),
    "decision": one_of(*DECISIONS),
    "created_at": aware_time,
    "expires_at": aware_time,
    "feature_schema": section(
        {
            "context": array(COLUMN, most=256),
            "action": array(COLUMN, least=1, most=64),
            "action_is_log": flag,
        }
    ),
    "actions": array(number(-1e6, 1e6), most=256, order="ascending"),
    "support": section(
        {
            "column": optional(text(100, least=1)),
            "counts": mapping(
                text(100),
                array(pair(number(-1e6, 1e6), whole(0, 10**12)), most=4096),
                most=256,
            ),
            "ranges": mapping(
                text(100), pair(number(), number(), rising=True), most=256
            ),
            "near": number(0, 1),
            "slack": number(0, 10),
        }
    ),
    "minimum_support": number(0, 1e9),
    "fallback": section(
        {
            "rule": one_of(
                "batch_size_rule", "agent_count_rule", "table_rule", "constant"
            ),
            "constant": number(-1e6, 1e6),
            "parameters": section(
                {}, may={**THRESHOLDS, **TABLE_NUMBERS, **AGENT_CONSTANTS}
            ),
        }
    ),
    "conformal": section(
        {
            "level": number(0.5, 0.9999),
            "low": LOG_COST,
            "high": LOG_COST,
            "probabilities": array(number(0, 1), least=2, most=1000, order="ascending"),
            "differences": array(LOG_COST, least=2, most=1000, order="rising"),
            "groups": whole(0, 10**9),
        }
    ),
    "guard_level": number(0.5, 1),
    "adaptation_rate": number(0, 1),
    "adaptation_every": whole(1, 10**6),
    "cost_unit": text(100),
    "training": FIGURES,
    "metrics": FIGURES,
    "ladder": array(RUNG, most=2),
    "files": mapping(plain_name(80), text(64, pattern="[0-9a-f]{64}"), most=16),
    "extra": section({}, may=SECTIONS, others=tree(most=100_000)),
}
"""Every field of a manifest and what it may hold."""

_MANIFEST = section(FIELDS)


def check_manifest(value: object) -> None:
    """Check every field of a parsed manifest.

    Raises
    ------
    SchemaError
        Naming the first field that holds something else than it may.
    """
    _MANIFEST(value, "")
    manifest = cast("Mapping[str, Any]", value)
    if (problem := _version_problem(manifest)) is not None:
        raise SchemaError(problem, field="schema_version")
    check_parameters(manifest)


def _bounds_problem(manifest: "Manifest") -> str | None:
    bounds = ACTION_BOUNDS.get(manifest.decision)
    if bounds is None:
        return None
    low, high = bounds
    answers = (*manifest.actions, manifest.fallback.constant)
    if all(low <= a <= high and float(a).is_integer() for a in answers):
        return None
    return f"not whole numbers from {low} to {high}"


def _guard_problem(manifest: "Manifest") -> str | None:
    conformal = manifest.conformal
    if len(conformal.probabilities) != len(conformal.differences):
        return "`probabilities` and `differences` differ in length"
    upper = np.interp(
        manifest.guard_level, conformal.probabilities, conformal.differences
    )
    if upper < 0:
        return "the quantile at the guard's level is below 0: it would guard nothing"
    return "`low` is above `high`" if conformal.low > conformal.high else None


def _columns_problem(manifest: "Manifest") -> str | None:
    schema = manifest.feature_schema
    kinds = {column.name: column.kind for column in schema.context}
    if kinds.get("operation_type", "category") != "category":
        return "`operation_type` is not a category"
    names = [column.name for column in (*schema.context, *schema.action)]
    if len(set(names)) != len(names):
        return "two columns have one name"
    first = ACTION_COLUMNS.get(manifest.decision)
    if first is not None and schema.action[0].name != first:
        return f"`{schema.action[0].name}` is not the action, `{first}` is"
    if schema.width > MAX_WIDTH:
        return f"rows of {schema.width} numbers, at most {MAX_WIDTH}"
    return None


def _support_problem(manifest: "Manifest") -> str | None:
    support = manifest.support
    context = {
        column.name
        for column in manifest.feature_schema.context
        if column.kind == "category"
    }
    if support.column is not None and support.column not in context:
        return "splits by a category that the model does not read"
    for rows in support.counts.values():
        if any(a[0] >= b[0] for a, b in pairwise(rows)):
            return "actions are not ascending"
    least = 1 if manifest.decision in ACTION_BOUNDS else 0
    if manifest.minimum_support < least:
        return f"`minimum_support` below {least}: nothing would be unsupported"
    return None


def _rule_problem(manifest: "Manifest") -> str | None:
    rule = manifest.fallback.rule
    if rule not in ("constant", f"{manifest.decision}_rule"):
        return f"`{rule}` does not decide {manifest.decision}"
    return None


def check_parameters(value: Mapping[str, Any]) -> None:
    """Check that each rule of a manifest has all of its numbers, and no other.

    They are read off the document: what is read into a `Fallback` is complete.
    """
    for holder in (value["fallback"], *value["ladder"]):
        wanted, given = set(PARAMETERS[holder["rule"]]), set(holder["parameters"])
        if wanted != given:
            name = min(wanted ^ given)
            problem = "is missing" if name in wanted else "unknown field"
            raise SchemaError(f"{problem} for {holder['rule']}", field=name)


def _ladder_problem(manifest: "Manifest") -> str | None:
    """Find a rung that decides something else, or answers beyond the bounds."""
    bounds = ACTION_BOUNDS.get(manifest.decision)
    for rung in manifest.ladder:
        if rung.rule not in ("constant", "learned", f"{manifest.decision}_rule"):
            return f"`{rung.rule}` does not decide {manifest.decision}"
        if (rung.rule == "learned") is not (rung.name == "learned"):
            return f"`{rung.name}` is not `{rung.rule}`"
        if rung.rule == "learned" and "stack" not in manifest.extra:
            return "a learned rung without a section `stack`"
        if rung.rule == "constant" and bounds is not None:
            low, high = bounds
            if not (low <= rung.constant <= high and rung.constant.is_integer()):
                return f"a constant that is no whole number from {low} to {high}"
    return None


def _stack_problem(manifest: "Manifest") -> str | None:
    """Find parts of the stack that do not fit the columns of the model, or each other."""
    value = manifest.extra.get("stack")
    if value is None:
        return None
    prior = value["measurement_prior"]
    if (problem := _level_problem(manifest, value["level"])) is not None:
        return problem
    names = [column.name for column in manifest.feature_schema.action]
    actions = [name for name in names if ":" not in name]
    axes = prior["axes"]
    if manifest.decision in ACTION_BOUNDS and len(actions) != 1:
        return f"{len(actions)} action columns, a {manifest.decision} is one"
    if len(set(axes)) != len(axes) or max(axes) >= len(actions):
        return "axes that are no action columns"
    if len(prior["spread"]) != len(axes):
        return "as many spreads as axes are needed"
    placed = [
        f"{what}:{actions[int(axis)]}" for what in OFFERED_PLACES for axis in axes
    ]
    if names != [*actions, *placed]:
        return f"action columns that are not {[*actions, *placed]}"
    if any(len(row) != KERNELS for row in prior["amplitudes"]) or any(
        len(row) != len(prior["scales"]) for row in prior["weights"]
    ):
        return "amplitudes or weights of another length"
    return None


def _version_problem(value: Mapping[str, Any]) -> str | None:
    """Find a version that says otherwise than the section of constraints."""
    if (value["schema_version"] == 3) is not (CONSTRAINTS in value["extra"]):
        return "a manifest is of version 3 exactly where it has constraints"
    return None


def _level_problem(manifest: "Manifest", level: Mapping[str, Any] | None) -> str | None:
    """Find a level that reads other columns than there are, or is of no known form."""
    if level is None:
        return None
    beside = manifest.level_columns
    names = [c.name for c in (*manifest.feature_schema.context, *beside)]
    if len(set(names)) != len(names):
        return "two columns of the level have one name"
    width = manifest.feature_schema.action_position + sum(c.width for c in beside)
    if width > MAX_WIDTH:
        return f"a level of {width} numbers, at most {MAX_WIDTH}"
    form = set(level) - {"intercept", "centre", "slope", "deviation", "columns"}
    if form not in (LINEAR, HINGES):
        return "a level that is neither linear nor of hinges"
    by_column = ["centre", *sorted(form - {"terms"})]
    if form == LINEAR:
        by_column.append("slope")
    elif len(level["slope"]) != len(level["terms"]):
        return "as many slopes as terms of the level are needed"
    if any(len(level[name]) != width for name in by_column):
        return f"a level that does not read {width} numbers"
    places = [place for term in level.get("terms", ()) for place, _ in term]
    if any(place >= width for place in places):
        return f"a term of the level beyond its {width} numbers"
    return None


def _time_problem(manifest: "Manifest") -> str | None:
    early = manifest.expires_at <= manifest.created_at
    return "is not after `created_at`" if early else None


KERNELS = 5
"""Parts of the covariance of a curve."""
MAX_WIDTH = 1024
"""Most numbers in one encoded row."""

MEANING: tuple[tuple[str, Callable[["Manifest"], str | None]], ...] = (
    ("actions", _bounds_problem),
    ("conformal", _guard_problem),
    ("feature_schema", _columns_problem),
    ("support", _support_problem),
    ("fallback", _rule_problem),
    ("extra.stack", _stack_problem),
    ("extra.constraints", bounds_problem),
    ("ladder", _ladder_problem),
    ("expires_at", _time_problem),
)
"""What several fields must be together, by the field that is named where they are not."""


def check_meaning(manifest: "Manifest") -> None:
    """Check what the fields of a manifest say together.

    Raises
    ------
    SchemaError
        Naming the field, and what is wrong with it.
    """
    for field, problem_of in MEANING:
        if (problem := problem_of(manifest)) is not None:
            raise SchemaError(problem, field=field, fix="export the model again")
