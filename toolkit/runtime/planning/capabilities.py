"""Which agent can do what."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

__all__ = ["AgentCapabilities"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentCapabilities:
    """The operation types that each agent can do; empty is not known.

    The agents named here exist; a plan may ask for more, and says how many to spawn.

    Parameters
    ----------
    agents : mapping of str to collection of str
        Operation types by agent.

    Examples
    --------
    >>> capabilities = AgentCapabilities(agents={"a": {"shell", "edit"}, "b": {"edit"}})
    >>> capabilities.sole_experts(), capabilities.missing(["deploy"])
    (('shell',), ('deploy',))
    """

    agents: Mapping[str, Collection[str]] = field(default_factory=dict)

    def sole_experts(self, operations: Collection[str] = ()) -> tuple[str, ...]:
        """Name the operation types that one agent only can do, sorted.

        Parameters
        ----------
        operations : collection of str
            The types the task needs; empty asks about all that any agent can do.

        Returns
        -------
        tuple of str
        """
        able = self._able()
        return tuple(
            sorted(
                name
                for name, count in able.items()
                if count == 1 and (not operations or name in operations)
            )
        )

    def missing(self, operations: Collection[str]) -> tuple[str, ...]:
        """Name the operation types that no named agent can do, sorted.

        Parameters
        ----------
        operations : collection of str
            The types the task needs.

        Returns
        -------
        tuple of str
            Empty also where no agent is named.
        """
        able = self._able()
        if not self.agents:
            return ()
        return tuple(sorted(name for name in operations if name not in able))

    def _able(self) -> Counter[str]:
        return Counter(
            name for abilities in self.agents.values() for name in set(abilities)
        )
