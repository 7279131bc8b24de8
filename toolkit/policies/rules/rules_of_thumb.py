"""Rules of thumb in use for agent counts and batch sizes: rows of every table."""

from toolkit.policies.rules.rounding import round_half_up

__all__ = ["agents_by_tier", "agents_from_tasks", "half_the_cores", "tool_call_cap"]

TIERS = ((4.0, 4), (9.0, 6))
"""Up to 4 components 3 to 4 agents, up to 9 components 5 to 7: the middle of each."""
TOP_TIER = 10
"""Beyond that 8 to 12 agents: the middle."""
CALL_CAP = 10
"""Claude Code runs at most this many tool calls at once by default."""


def half_the_cores(cores: int) -> int:
    """Give half of the machine to agents, at least one.

    Examples
    --------
    >>> half_the_cores(12), half_the_cores(1)
    (6, 1)
    """
    return max(1, cores // 2)


def agents_from_tasks(tasks: float) -> int:
    """Take `min(8, max(2, tasks / 1.5))`, rounded half up.

    Examples
    --------
    >>> [agents_from_tasks(n) for n in (1, 6, 40)]
    [2, 4, 8]
    """
    return round_half_up(min(8.0, max(2.0, tasks / 1.5)))


def agents_by_tier(components: float) -> int:
    """Take the middle of 3-4, 5-7 or 8-12 agents by the number of components.

    Examples
    --------
    >>> [agents_by_tier(n) for n in (2, 6, 30)]
    [4, 6, 10]
    """
    return next((count for top, count in TIERS if components <= top), TOP_TIER)


def tool_call_cap() -> int:
    """Take the harness's own limit on calls that run at once.

    Examples
    --------
    >>> tool_call_cap()
    10
    """
    return CALL_CAP
