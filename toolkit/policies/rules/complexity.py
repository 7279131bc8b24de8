"""How entangled a piece of work is (definitions, `assessCoordinationComplexity`)."""

import math

__all__ = ["coordination_complexity"]

AGENTS_FOR_FULL_COMPLEXITY = 11
"""`(agents - 1) / 11` of definitions, section 1: the rule's range ends at 12 agents."""


def coordination_complexity(
    *, shared_key_share: float, dependencies: float, operations: float, agents: int
) -> float:
    """Compute `1 - (1-s)(1-d)(1-p)`, each part clipped to 0..1 (definitions, section 1).

    Parameters
    ----------
    shared_key_share : float
        `s`: share of memory keys touched by two agents or more, 0 to 1.
    dependencies : float
        Among the operations; `d` is their share of the m(m-1)/2 possible ones.
    operations : float
        m, 0 or more.
    agents : int
        `p` is (agents - 1) / 11.

    Returns
    -------
    float
        0 to 1; 0 is independent work of one agent.

    Examples
    --------
    >>> coordination_complexity(
    ...     shared_key_share=0.5, dependencies=0, operations=10, agents=1
    ... )
    0.5
    >>> coordination_complexity(
    ...     shared_key_share=0.0, dependencies=9, operations=10, agents=12
    ... )
    1.0
    """
    pairs = operations * (operations - 1) / 2
    edges = dependencies / pairs if pairs > 0 else 0.0
    crowd = (agents - 1) / AGENTS_FOR_FULL_COMPLEXITY
    parts = (shared_key_share, edges, crowd)
    return 1 - math.prod(1 - min(max(part, 0.0), 1.0) for part in parts)
