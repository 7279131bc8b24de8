"""Manifests of format 1: their constants stood in this toolkit alone.

Format 2 holds every number that a decision depends on. What a bundle of format 1 leaves
out is what the toolkit had when it was exported; it is fixed here, whatever later versions
begin with.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from toolkit.bundle.manifest_rules import METHOD
from toolkit.errors import SchemaError, UsageError
from toolkit.policies.rules import rule_numbers

__all__ = ["from_format_one"]

SUPPORT = {"near": 0.25, "slack": 0.1}
PRIOR = {"lengths": [0.5, 1.5]}
PRIOR_DEFAULTS = {"noise": 0.0, "stretch": False}
INTERVALS = {
    "knee": 0.5,
    "most_knees": 2.4,
    "least_badness": 0.1,
    "widest": 4.6,
    "normal": 2.7055,
}


def from_format_one(value: Mapping[str, Any]) -> dict[str, Any]:
    """Raise a manifest of format 1 to format 2.

    Parameters
    ----------
    value : mapping
        As parsed; nothing of it has been checked.

    Raises
    ------
    SchemaError
        It is no manifest of format 1.
    """
    raised = deepcopy(dict(value))
    try:
        raised["schema_version"] = 2
        _add(raised, {"method": dict(METHOD)})
        _add(raised["support"], SUPPORT)
        for holder in (raised["fallback"], *raised["ladder"]):
            if "optimums" in holder["parameters"]:
                raise SchemaError("not of format 1", field="parameters")
            holder["parameters"] = rule_numbers(holder["rule"], holder["parameters"])
        if "stack" in raised["extra"]:
            stack = raised["extra"]["stack"]
            prior = stack["measurement_prior"]
            _add(prior, PRIOR)
            stack["measurement_prior"] = {**PRIOR_DEFAULTS, **prior}
            _add(stack["intervals"], INTERVALS)
    except (AttributeError, KeyError, TypeError, UsageError, ValueError) as error:
        if isinstance(error, SchemaError):
            raise
        raise SchemaError(
            "not a manifest of format 1", field="schema_version", got=str(error)
        ) from error
    return raised


def _add(holder: dict[str, Any], fields: Mapping[str, Any]) -> None:
    """Add fields that format 1 does not have."""
    for name, value in fields.items():
        if name in holder:
            raise SchemaError("not a field of format 1", field=name)
        holder[name] = value
