"""What there is to work with."""

from dataclasses import dataclass

from toolkit.policies import Value
from toolkit.runtime.planning.quantity import require_quantity

__all__ = ["SystemResources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemResources:
    """The machine, its load, and the limits on agents; all may be unknown.

    Parameters
    ----------
    cpu_cores : int or None
        1 or more.
    memory_bytes, agent_memory_bytes : float or None
        Memory that agents may fill, and what one agent needs: together they limit the
        number of agents; one of them alone limits nothing.
    load_cpu, load_memory, load_io : float or None
        Utilisations, 0 to 1.
    agent_limit : int or None
        Most agents at once, 1 or more.
    price_per_agent_s : float or None
        Money for one agent and second, in any currency.

    Raises
    ------
    UsageError
        A number is outside its range.

    Examples
    --------
    >>> SystemResources(memory_bytes=8e9, agent_memory_bytes=3e9).most_agents
    2
    """

    cpu_cores: int | None = None
    memory_bytes: float | None = None
    agent_memory_bytes: float | None = None
    load_cpu: float | None = None
    load_memory: float | None = None
    load_io: float | None = None
    agent_limit: int | None = None
    price_per_agent_s: float | None = None

    def __post_init__(self) -> None:
        """Check every number against its range."""
        require_quantity("cpu_cores", self.cpu_cores, low=1)
        require_quantity("agent_limit", self.agent_limit, low=1)
        require_quantity("memory_bytes", self.memory_bytes)
        require_quantity("agent_memory_bytes", self.agent_memory_bytes, low=1)
        require_quantity("price_per_agent_s", self.price_per_agent_s)
        for name in ("load_cpu", "load_memory", "load_io"):
            require_quantity(name, getattr(self, name), high=1.0)

    @property
    def most_agents(self) -> int | None:
        """Agents that the limit and the memory allow, at least 1; `None` is no limit."""
        limits = [] if self.agent_limit is None else [int(self.agent_limit)]
        if self.memory_bytes is not None and self.agent_memory_bytes is not None:
            limits.append(max(1, int(self.memory_bytes // self.agent_memory_bytes)))
        return min(limits, default=None)

    def load(self) -> dict[str, Value]:
        """Give the utilisations by column of the feature tables.

        Returns
        -------
        dict of str to float or None
            0 to 1; `None` is not known.
        """
        return {
            "load_cpu": self.load_cpu,
            "load_memory": self.load_memory,
            "load_io": self.load_io,
        }
