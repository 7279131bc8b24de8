"""A specification to begin with, and the JSON Schema that editors check it by."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any

from toolkit.experiments.training.spec import (
    BOUNDS,
    DECISIONS,
    NAME,
    SECTIONS,
    ExperimentSpec,
)

__all__ = ["SCHEMA_NAME", "spec_schema", "spec_text"]

SCHEMA_NAME = "spec.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

ABOUT: Mapping[str, str] = {
    "name": "of the experiment: letters, digits, dashes or underscores",
    "decision": "batch_size or agent_count",
    "question": "what is to be found out, in one sentence",
    "seed": "of everything that is drawn",
    "price_exponent": "money weight of an agent count's cost: 0 time only, 1 money only",
    "data.records": "folder of spooled records; `--store DIR` replaces it",
    "data.provenances": "which records teach: measured, derived, declared (also suspect, "
    "simulated)",
    "data.context": "context columns that may be read, declared ones too; none named: all "
    "that are known",
    "split.outer_folds": "folds whose groups only judge",
    "split.inner_folds": "folds inside the training groups, for tuning",
    "search.trials": "trials for each tuned number of the rule, in each fold",
    "search.estimators": "regressors of scikit-learn beside them, each as "
    '"MODULE:NAME" of what makes one',
    "search.members": "members of the stack by name; none named: all of them",
    "guard.level": "one-sided level at which a learned answer must beat the rung below",
    "guard.assumes": "nothing (then 95 % needs 19 groups), or normal (group means are)",
    "guard.minimum_support": "past rows within a quarter of a size before it is answered",
    "guard.interval": "nominal coverage of the cost interval",
    "bundle.name": "of the exported model: letters, digits, dashes or underscores",
    "bundle.expires_days": "days until the rule answers again",
}
"""What each field means, by section and name."""

WORDS: Mapping[str, tuple[str, ...]] = {
    "decision": DECISIONS,
    "guard.assumes": ("", "normal"),
}


def spec_text(name: str, *, decision: str, question: str) -> str:
    """Write a specification with every field, its default and what it means.

    Parameters
    ----------
    name, decision, question : str
        As of `ExperimentSpec`; the exported model gets the same name.

    Returns
    -------
    str
        TOML.
    """
    given = {
        "name": name,
        "decision": decision,
        "question": question,
        "bundle.name": name,
    }
    lines = [
        f"#:schema {SCHEMA_NAME}",
        "# Fields that are left out have the value that stands here.",
    ]
    section = ""
    for place, default in _places():
        head, _, _ = place.rpartition(".")
        if head != section:
            section = head
            lines += ["", f"[{section}]"]
        value = json.dumps(given.get(place, default), ensure_ascii=False)
        lines += [f"# {ABOUT[place]}", f"{place.rpartition('.')[2]} = {value}"]
    return "\n".join(lines) + "\n"


def spec_schema() -> dict[str, Any]:
    """Build the JSON Schema of a specification (draft 2020-12).

    Returns
    -------
    dict
        Fields that are not declared are refused by it.

    Examples
    --------
    >>> spec_schema()["required"]
    ['name', 'decision', 'question']
    """
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "title": "Specification of an experiment",
        **_object(),
        "required": ["name", "decision", "question"],
    }
    for place, default in _places():
        head, _, name = place.rpartition(".")
        part = schema["properties"]
        if head:
            part = part.setdefault(head, _object())["properties"]
        part[name] = _field(place, default)
    return schema


def _object() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def _field(place: str, default: object) -> dict[str, Any]:
    field: dict[str, Any] = {"description": ABOUT[place]}
    if place in WORDS:
        return {**field, "enum": list(WORDS[place])}
    name = place.rpartition(".")[2]
    if isinstance(default, tuple):
        field |= {"type": "array", "items": {"type": "string"}}
    elif isinstance(default, (int, float)):
        field["type"] = "integer" if isinstance(default, int) else "number"
    else:
        field["type"] = "string"
    if name == "name":
        field["pattern"] = f"^{NAME.pattern}$"
    if name in BOUNDS:
        field["minimum"], field["maximum"] = BOUNDS[name]
    if default not in ("", None):
        field["default"] = default
    return field


def _places() -> Iterator[tuple[str, Any]]:
    """List every field with its default: `""` for one that must be given."""
    for declared in fields(ExperimentSpec):
        if declared.name not in SECTIONS:
            missing = declared.default is MISSING
            yield declared.name, "" if missing else declared.default
    for section, cls in SECTIONS.items():
        for declared in fields(cls):
            yield f"{section}.{declared.name}", declared.default
