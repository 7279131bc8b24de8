"""The specification's rules by name, as they are and with other numbers."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from toolkit.errors import UsageError
from toolkit.policies import Policy
from toolkit.policies.rules.agent_count_rule import (
    AgentCountConstants,
    AgentCountRule,
)
from toolkit.policies.rules.batch_size_rule import (
    OPTIMUMS,
    BatchSizeOptimum,
    BatchSizeRule,
    BatchSizeThresholds,
)
from toolkit.policies.rules.rule_policy import (
    AgentCountRulePolicy,
    BatchSizeRulePolicy,
    ConstantPolicy,
)
from toolkit.policies.rules.table_rule import TableRule

__all__ = ["RULES", "named_rule"]

RULES = ("batch_size_rule", "agent_count_rule", "table_rule", "constant")


def named_rule(
    rule: str,
    *,
    constant: float,
    parameters: Mapping[str, Any] | None = None,
    name: str = "rule",
) -> Policy:
    """Make a rule.

    Parameters
    ----------
    rule : str
        One of `RULES`.
    constant : float
        Answer where the rule has none.
    parameters : mapping, optional
        Numbers in place of the specification's: those of `BatchSizeThresholds` and
        `optimal_<operation type>`, or those of `AgentCountConstants`.
    name : str
        What decisions are signed with.

    Returns
    -------
    Policy
        Which signs its decisions with `name`.

    Raises
    ------
    UsageError
        No such rule, or no such parameter.

    Examples
    --------
    >>> from toolkit.policies import Problem
    >>> tuned = named_rule(
    ...     "batch_size_rule", constant=4, parameters={"optimal_fileOperations": 12}
    ... )
    >>> tuned.decide(
    ...     Problem.of("size", [8, 12], operation_type="fileOperations", load_cpu=0.5)
    ... ).label
    '12'
    """
    numbers = dict(parameters or {})
    if rule == "constant":
        return ConstantPolicy(constant, name=name)
    if rule == "batch_size_rule":
        optimums = {kind: _optimum(kind, numbers) for kind in OPTIMUMS}
        thresholds = replace(
            BatchSizeThresholds(), **_known(numbers, BatchSizeThresholds)
        )
        made = BatchSizeRule(optimums=optimums, thresholds=thresholds)
        return BatchSizeRulePolicy(made, constant=constant, name=name)
    if rule == "agent_count_rule":
        constants = replace(
            AgentCountConstants(), **_known(numbers, AgentCountConstants)
        )
        return AgentCountRulePolicy(AgentCountRule(constants=constants), name=name)
    if rule == "table_rule":
        return TableRule()
    raise UsageError.unknown("rule", rule, list(RULES))


def _optimum(kind: str, numbers: dict[str, Any]) -> BatchSizeOptimum:
    known = OPTIMUMS[kind]
    size = int(numbers.pop(f"optimal_{kind}", known.optimal))
    return BatchSizeOptimum(
        minimum=min(known.minimum, size), optimal=size, maximum=max(known.maximum, size)
    )


def _known(numbers: dict[str, Any], cls: type) -> dict[str, Any]:
    names = [field.name for field in fields(cls)]
    for name in numbers:
        if name not in names:
            raise UsageError.unknown("parameter of the rule", name, names)
    return numbers
