"""The time/money frontier: the decisions that nothing beats in both."""

from collections.abc import Sequence

from toolkit.runtime.planning.performance import ExpectedPerformance

__all__ = ["time_money_frontier"]


def time_money_frontier(
    options: Sequence[ExpectedPerformance],
) -> tuple[ExpectedPerformance, ...]:
    """Keep the options that no other beats in time without costing more.

    Parameters
    ----------
    options : sequence of ExpectedPerformance
        Those whose time is not known are left out.

    Returns
    -------
    tuple of ExpectedPerformance
        Fastest first; each next one is slower and uses fewer agent-seconds. Of two that
        are equal in both the one with fewer agents is kept.
    """
    known = [
        (option.makespan_s.expected, option.agent_seconds.expected, option)
        for option in options
        if option.makespan_s is not None and option.agent_seconds is not None
    ]
    known.sort(key=lambda point: (point[0], point[1], point[2].agents))
    frontier: list[ExpectedPerformance] = []
    least = float("inf")
    for _, agent_seconds, option in known:
        if agent_seconds < least:
            frontier.append(option)
            least = agent_seconds
    return tuple(frontier)
