"""Words for who chose the actions of a history, and where it was measured."""

from collections.abc import Iterable

from toolkit.experiments.tables.from_records import NO_RULE_SIZE
from toolkit.policies.rules import OPTIMUMS

__all__ = ["chosen_by", "measured_where", "no_rule"]

AGENTS = frozenset(
    {
        "atif",
        "claude-code",
        "claude-flow",
        "codex",
        "copilot",
        "gemini",
        "hooks",
        "opencode",
        "otlp",
        "pi",
        "simulator",
    }
)
"""Sources whose rows are the work of agents."""

OWN_SWEEP = frozenset({"measure"})
"""Source of a measurement that `toolkit records measure` makes on one machine."""


def chosen_by(sources: Iterable[str]) -> str:
    """Say who chose the actions of an observed history.

    Examples
    --------
    >>> chosen_by(["claude-code", "hooks"]), chosen_by(["table"])
    ('the agents', 'the people who ran the work')
    """
    return "the agents" if set(sources) <= AGENTS else "the people who ran the work"


def measured_where(sources: Iterable[str]) -> str:
    """Say for what a measured history does not hold.

    Parameters
    ----------
    sources : iterable of str
        Of the records.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> measured_where(["measure"])
    'Measured on one machine: other machines need their own history.'
    """
    found = sorted(set(sources))
    if set(found) <= OWN_SWEEP:
        return "Measured on one machine: other machines need their own history."
    return (
        f"Measured where these records come from ({', '.join(found)}): other machines, "
        "models and loads need their own history."
    )


def no_rule(operation_types: Iterable[str], *, answers: float) -> list[str]:
    """Say, for each type without a rule in the specification, what stands in.

    Parameters
    ----------
    operation_types : iterable of str
    answers : float
        Size that the bundle's rule answers for them.

    Returns
    -------
    list of str
        One sentence for each such type, sorted.

    Examples
    --------
    >>> (line,) = no_rule(["fileOperations", "inference"], answers=16)
    >>> line.partition(": ")[2]
    'here its rule stands for the constant 4, and in the bundle for 16.'
    """
    return [
        f"The specification has no size for `{kind}`: here its rule stands for the "
        f"constant {NO_RULE_SIZE:g}, and in the bundle for {answers:g}."
        for kind in sorted(set(operation_types) - set(OPTIMUMS))
    ]
