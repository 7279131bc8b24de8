"""The specification's rules by name, as they are and with other numbers."""

from collections.abc import Mapping
from dataclasses import asdict, fields
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
from toolkit.policies.rules.table_rule import TableNumbers, TableRule

__all__ = ["RULES", "named_rule", "rule_numbers"]

RULES = ("batch_size_rule", "agent_count_rule", "table_rule", "constant")

NUMBERS: Mapping[str, tuple[type, ...]] = {
    "batch_size_rule": (BatchSizeThresholds,),
    "agent_count_rule": (AgentCountConstants,),
    "table_rule": (TableNumbers, AgentCountConstants),
}
"""What holds the numbers of each rule; the first also has a size for each type."""


def rule_numbers(rule: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """List every number of a rule: those given, and the specification's for the others.

    Parameters
    ----------
    rule : str
    given : mapping, optional
        Fields of `BatchSizeThresholds`, `AgentCountConstants` or `TableNumbers`;
        `optimal_<operation type>`, or `optimums` with (minimum, optimal, maximum) by
        type.

    Returns
    -------
    dict
        Empty for what is no rule of the specification.

    Raises
    ------
    UsageError
        The rule has no such parameter.

    Examples
    --------
    >>> numbers = rule_numbers("batch_size_rule", {"optimal_shell": 12, "grow": 1.5})
    >>> numbers["optimums"]["shell"], numbers["grow"], numbers["shrink"]
    ([1, 12, 12], 1.5, 0.7)
    """
    left = dict(given or {})
    numbers: dict[str, Any] = {}
    if rule == "batch_size_rule":
        known = left.pop("optimums", None) or {
            kind: [optimum.minimum, optimum.optimal, optimum.maximum]
            for kind, optimum in OPTIMUMS.items()
        }
        numbers["optimums"] = {
            kind: _moved(sizes, left.pop(f"optimal_{kind}", None))
            for kind, sizes in known.items()
        }
    for holder in NUMBERS.get(rule, ()):
        numbers |= {n: left.pop(n, v) for n, v in asdict(holder()).items()}
    if left and rule in NUMBERS:
        raise UsageError.unknown("parameter of the rule", min(left), sorted(numbers))
    return numbers


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
        Numbers in place of the specification's, as `rule_numbers` takes them.
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
    numbers = rule_numbers(rule, parameters)
    if rule == "constant":
        return ConstantPolicy(constant, name=name)
    if rule == "batch_size_rule":
        made = BatchSizeRule(
            optimums={
                kind: BatchSizeOptimum(
                    minimum=int(sizes[0]), optimal=int(sizes[1]), maximum=int(sizes[2])
                )
                for kind, sizes in numbers["optimums"].items()
            },
            thresholds=BatchSizeThresholds(**_of(BatchSizeThresholds, numbers)),
        )
        return BatchSizeRulePolicy(made, constant=constant, name=name)
    if rule not in RULES:
        raise UsageError.unknown("rule", rule, list(RULES))
    constants = AgentCountConstants(**_of(AgentCountConstants, numbers))
    agents = AgentCountRule(constants=constants)
    if rule == "agent_count_rule":
        return AgentCountRulePolicy(agents, name=name)
    return TableRule(numbers=TableNumbers(**_of(TableNumbers, numbers)), agents=agents)


def _moved(sizes: list[int], optimal: int | None) -> list[int]:
    """Move a type's optimum; its range follows where it must."""
    size = int(sizes[1] if optimal is None else optimal)
    return [min(int(sizes[0]), size), size, max(int(sizes[2]), size)]


def _of(holder: type, numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: numbers[field.name] for field in fields(holder)}
