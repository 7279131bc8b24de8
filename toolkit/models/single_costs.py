"""The costs of single runs, one row each, as an observed history holds them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from toolkit.arrays import Floats, Ints
from toolkit.bundle import Column
from toolkit.policies import Value

__all__ = ["SingleCosts"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SingleCosts:
    """What single runs cost, with all that was known before each.

    Attributes
    ----------
    columns : tuple of Column
        What is known beside the context of the table.
    optional : tuple of str
        Those of them that are read only where that helps on groups left out.
    X : array of shape (n_runs, n_numbers)
        The context of the table, then `columns`, encoded; NaN is not known.
    names : tuple of str
        Of those numbers.
    contexts : tuple of mapping
        Distinct contexts of the table.
    context : array of int, shape (n_runs,)
        Which of them each run has.
    action : array of shape (n_runs,)
    log_cost : array of shape (n_runs,)
        Natural logarithm.
    groups : array of str, shape (n_runs,)
    """

    columns: tuple[Column, ...]
    optional: tuple[str, ...]
    X: Floats
    names: tuple[str, ...]
    contexts: tuple[Mapping[str, Value], ...]
    context: Ints
    action: Floats
    log_cost: Floats
    groups: "np.ndarray[tuple[int], np.dtype[np.str_]]"

    def of_groups(self, groups: Iterable[str]) -> "SingleCosts":
        """Keep the runs of some groups.

        Parameters
        ----------
        groups : iterable of str

        Returns
        -------
        SingleCosts
        """
        kept = np.isin(self.groups, list(groups))
        return replace(
            self,
            X=self.X[kept],
            context=self.context[kept],
            action=self.action[kept],
            log_cost=self.log_cost[kept],
            groups=self.groups[kept],
        )

    def without(self, names: Iterable[str]) -> "SingleCosts":
        """Leave out some of the columns beside the context.

        Parameters
        ----------
        names : iterable of str

        Returns
        -------
        SingleCosts
        """
        dropped = set(names)
        numbers = np.array([name.partition("=")[0] for name in self.names])
        kept = ~np.isin(numbers, list(dropped))
        return replace(
            self,
            columns=tuple(c for c in self.columns if c.name not in dropped),
            optional=tuple(name for name in self.optional if name not in dropped),
            X=self.X[:, kept],
            names=tuple(np.array(self.names)[kept].tolist()),
        )
