"""Rules for how agents coordinate and share memory (definitions, section 3)."""

from dataclasses import dataclass

__all__ = ["MemoryStructureRule", "StrategyRule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyRule:
    """Choose a coordination strategy from needs, dependencies and capabilities.

    Examples
    --------
    >>> StrategyRule().recommend(
    ...     agents=8, coordination_needs=0.5, components=10, dependencies=9
    ... )
    'hybrid'
    """

    low_needs: float = 0.3
    high_needs: float = 0.7
    many_agents: int = 7
    dependency_share: float = 0.5

    def recommend(
        self,
        *,
        agents: int,
        coordination_needs: float,
        components: float,
        dependencies: float,
        has_sole_expert: bool = False,
    ) -> str:
        """Name one of `single`, `independent`, `centralized`, `hybrid`, `decentralized`.

        Parameters
        ----------
        agents : int
        coordination_needs : float
            0 to 1.
        components, dependencies : float
        has_sole_expert : bool
            Whether some operation can be done by one agent only.

        Returns
        -------
        str
        """
        if agents <= 1:
            return "single"
        few_edges = dependencies <= components * self.dependency_share
        if coordination_needs < self.low_needs and few_edges:
            return "independent"
        if coordination_needs >= self.high_needs or has_sole_expert:
            return "centralized"
        if agents >= self.many_agents and coordination_needs >= self.low_needs:
            return "hybrid"
        return "decentralized"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryStructureRule:
    """Choose how agents share memory from the strategy and the shared keys.

    Examples
    --------
    >>> MemoryStructureRule().recommend(
    ...     strategy="hybrid", shared_key_share=0.1, agents=8
    ... )
    'sharded'
    """

    low_sharing: float = 0.3
    many_agents: int = 5

    def recommend(
        self, *, strategy: str, shared_key_share: float | None, agents: int
    ) -> str:
        """Name one of `isolated`, `sharded`, `shared`; unknown sharing means `shared`.

        Parameters
        ----------
        strategy : str
            As of `StrategyRule.recommend`.
        shared_key_share : float or None
            Share of keys that more than one agent touches, 0 to 1; `None` is not known.
        agents : int

        Returns
        -------
        str
        """
        if strategy in ("independent", "single"):
            return "isolated"
        if (
            shared_key_share is not None
            and shared_key_share < self.low_sharing
            and agents >= self.many_agents
        ):
            return "sharded"
        return "shared"
