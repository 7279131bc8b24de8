"""How long agents are usually silent, learned for each type of operation."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from toolkit.errors import InputDataError
from toolkit.records import read_given
from toolkit.runtime.healing.swarm import Activity
from toolkit.stats import RollingQuantile

__all__ = ["SilenceThresholds"]

QUANTILE = 0.95
KEPT_GAPS = 500
ENOUGH_GAPS = 20
"""A 95th percentile of fewer gaps than this is their maximum."""


class SilenceThresholds:
    """Usual silences by type of operation, from gaps that agents ended themselves.

    Parameters
    ----------
    floor_s : float
        Least allowance, whatever was learned (definitions, section 4: 60 s).
    unknown_s : float
        Allowance of an operation type with fewer than 20 known gaps. It is long, since
        nothing says yet what silence is usual; `toolkit heal calibrate` or the first
        hour of a run makes types known.

    Examples
    --------
    >>> silences = SilenceThresholds()
    >>> for second in range(100):
    ...     silences.learn("build", 200.0 + second)
    >>> round(silences.allowance_s("build"))
    294
    >>> silences.allowance_s("edit")
    600.0
    """

    def __init__(
        self,
        *,
        floor_s: float = 60.0,
        unknown_s: float = 600.0,
        floors: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.floor_s = floor_s
        self.unknown_s = unknown_s
        self.floors = floors
        self._known: dict[str, RollingQuantile] = {}
        self._raw: dict[str, list[float]] = {}

    @property
    def operations(self) -> dict[str, int]:
        """Number of gaps kept, by type of operation."""
        return {operation: len(gaps) for operation, gaps in self._raw.items()}

    def is_known(self, operation: str | None) -> bool:
        """Whether enough gaps of an operation type are known.

        Parameters
        ----------
        operation : str or None
            `None` is the type of an agent that has done nothing yet.

        Returns
        -------
        bool
        """
        known = self._known.get(operation or "")
        return known is not None and known.count >= ENOUGH_GAPS

    def learn(self, operation: str, gap_s: float) -> None:
        """Learn from one gap in seconds, ended by the agent itself.

        Parameters
        ----------
        operation : str
        gap_s : float
            Finite.
        """
        if operation not in self._known:
            self._known[operation] = RollingQuantile(QUANTILE, window=KEPT_GAPS)
        self._known[operation].update(gap_s)
        raw = self._raw.setdefault(operation, [])
        raw.append(gap_s)
        del raw[:-KEPT_GAPS]

    def learn_all(self, activity: Iterable[Activity]) -> None:
        """Learn from the gaps of a stretch of activity.

        Parameters
        ----------
        activity : iterable of Activity
            Entries without a gap are passed over.
        """
        for act in activity:
            if act.gap_s is not None and act.gap_of is not None:
                self.learn(act.gap_of, act.gap_s)

    def allowance_s(
        self, operation: str | None, *, expected_s: float | None = None
    ) -> float:
        """Silence that an operation explains, in seconds.

        Parameters
        ----------
        operation : str or None
            What the agent has in hand.
        expected_s : float, optional
            Planned length of the work in hand, in seconds: until the type is known, a
            silence of that length is explained.

        Returns
        -------
        float
            The 95th percentile of the type's gaps, at least `floor_s`; of a type that
            is not known the longer of `unknown_s` and the plan.
        """
        floor_s = max(self.floor_s, self.floors.get(operation or "", 0.0))
        known = self._known.get(operation or "")
        if known is None or known.count < ENOUGH_GAPS:
            return max(floor_s, self.unknown_s, expected_s or 0.0)
        return max(floor_s, known.get())

    def save(self, path: Path) -> None:
        """Write the gaps of every operation type as JSON.

        Parameters
        ----------
        path : path
            Replaced.
        """
        path.write_text(json.dumps(self._raw))

    @classmethod
    def load(
        cls, path: Path, *, floors: Mapping[str, float] = MappingProxyType({})
    ) -> "SilenceThresholds":
        """Read what `save` wrote.

        Parameters
        ----------
        path : path
        floors : mapping of str to float, optional

        Returns
        -------
        SilenceThresholds

        Raises
        ------
        InputDataError
            The file cannot be read or holds something else.
        """
        silences = cls(floors=floors)
        try:
            raw: Mapping[str, list[float]] = json.loads(read_given(path))
            for operation, gaps in raw.items():
                for gap_s in gaps:
                    silences.learn(operation, float(gap_s))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InputDataError(
                "not a file of usual silences",
                file=path,
                got=str(error),
                fix="write one with `toolkit heal calibrate`",
            ) from error
        return silences
