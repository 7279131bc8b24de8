"""`advice.json`: what the guarded policy says in the contexts that a hook can see.

An installed hook must answer in milliseconds without numpy or onnxruntime, so the
export tabulates the policy over a few bins of what a hook knows, writes the table
beside the model, and states how often the table says what the policy would have said.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any

from toolkit.errors import SchemaError, UsageError
from toolkit.policies import Decision, Value

__all__ = ["ADVICE_NAME", "AdviceAxis", "AdviceCell", "AdviceTable", "Fidelity"]

ADVICE_NAME = "advice.json"
FORMAT = 1

MAX_BYTES = 256 * 1024
"""What the hook handler reads at most."""

MAX_CELLS = 1024

HOOK_COLUMNS = ("load", "load_cpu", "load_memory", "read_share", "size")
"""What a hook knows when a batch has ended; `size` is that batch's own."""

CONFIDENT = 0.8
"""Least probability of being no worse than the rule at which advice is spoken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceAxis:
    """A context column cut into bins.

    Parameters
    ----------
    column : str
        One of `HOOK_COLUMNS`.
    edges : tuple of float
        Ascending; bin `i` holds values above `i` of them. A value that is not known
        has a separate bin.

    Examples
    --------
    >>> axis = AdviceAxis(column="load", edges=(0.4, 0.8))
    >>> axis.bin(0.4), axis.bin(0.9), axis.bin(None)
    ('0', '2', '-')
    >>> axis.middle("1")
    0.6
    """

    column: str
    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.column not in HOOK_COLUMNS:
            raise UsageError.unknown("advice column", self.column, list(HOOK_COLUMNS))
        if list(self.edges) != sorted(set(self.edges)):
            raise UsageError(f"edges of `{self.column}` must ascend, got {self.edges}")

    @property
    def bins(self) -> tuple[str, ...]:
        """Every bin, that of the unknown last."""
        return (*map(str, range(len(self.edges) + 1)), "-")

    def bin(self, value: float | None) -> str:
        """Name the bin of a value.

        Parameters
        ----------
        value : float or None

        Returns
        -------
        str
            Number of the bin, from `0`; `-` for a value that is not known.
        """
        return "-" if value is None else str(sum(value > edge for edge in self.edges))

    def middle(
        self, name: str, known: tuple[float, float] | None = None
    ) -> float | None:
        """Take a value in the middle of a bin; the outermost end at 0, and at 1 or twice.

        Parameters
        ----------
        name : str
            One of `bins`.
        known : (low, high), optional
            What history saw of the column: the middle of its part of the bin stands for
            the bin, since the policy answers for what was seen only.

        Returns
        -------
        float or None
            `None` for the bin of unknown values.
        """
        ends = self.ends(name, known)
        return sum(ends) / 2 if ends else None

    def ends(
        self, name: str, known: tuple[float, float] | None = None
    ) -> tuple[float, ...]:
        """Give both ends of a bin, as `middle` takes them.

        Parameters
        ----------
        name : str
            One of `bins`.
        known : (low, high), optional
            What history saw of the column.

        Returns
        -------
        tuple of float
            Low and high; empty for the bin of unknown values.
        """
        if name == "-":
            return ()
        top = max(1.0, 2 * self.edges[-1]) if self.edges else 1.0
        bounds = (0.0, *self.edges, top)
        low, high = bounds[int(name)], bounds[int(name) + 1]
        if known is not None and known[0] < high and known[1] > low:
            low, high = max(low, known[0]), min(high, known[1])
        return low, high


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceCell:
    """What the policy says in one bin.

    Attributes
    ----------
    size : int
        Recommended batch size.
    rule : int
        What the rule says there.
    reason : str
        Code of the decision's reason.
    confident : bool
        The guard let a learned answer through, and surely enough to be spoken.
    confidence : float or None
        Probability of being no worse than the rule.
    gain : float or None
        Share of the rule's cost that is saved.
    policy : str
        Who answered.
    propensity : float
    sizes : tuple of int
        Sizes that history supports there: what a hook may try where exploring is on.
    """

    size: int
    rule: int
    reason: str
    confident: bool
    policy: str
    propensity: float = 1.0
    confidence: float | None = None
    gain: float | None = None
    sizes: tuple[int, ...] = ()

    @classmethod
    def of(
        cls, decision: Decision, *, least: float = CONFIDENT, sizes: Sequence[int] = ()
    ) -> "AdviceCell":
        """Read a decision of the guarded policy.

        Parameters
        ----------
        decision : Decision
        least : float
            Confidence, 0 to 1, under which nothing is spoken.
        sizes : sequence of int
            Supported sizes.
        """
        sure = decision.confidence
        learned = decision.rung not in ("", "rule")
        gain = decision.reason.facts.get("saves")
        size = int(decision.action[0])
        return cls(
            size=size,
            rule=size if decision.baseline is None else int(float(decision.baseline)),
            reason=decision.reason.code,
            confident=learned and sure is not None and sure >= least,
            policy=decision.policy,
            propensity=decision.propensity,
            confidence=None if sure is None else round(sure, 4),
            gain=round(gain, 4) if isinstance(gain, float) else None,
            sizes=tuple(sizes),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """How well the table stands for the policy, on contexts of real history.

    Attributes
    ----------
    contexts : int
        Contexts compared; with 0 the shares say nothing and are `None`.
    covered : float or None
        Share of them for which the table has a cell.
    same_size : float or None
        Share of the covered in which the size is the policy's own.
    false_confidence : float or None
        Share of the covered in which the table would speak and the policy would not
        have said that size.
    """

    contexts: int = 0
    covered: float | None = None
    same_size: float | None = None
    false_confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceTable:
    """A bounded table of advice; `toolkit.capture.hook_advice.advise` reads the same file.

    Attributes
    ----------
    policy, policy_version : str
    axes : tuple of AdviceAxis
    tools : mapping of str to (operation type, reads)
        How the hook classifies the tool names it sees.
    cells : mapping of str to AdviceCell
        By operation type and the bin of each axis, joined by `|`.
    expires_at : datetime or None
        After this the table is stale, and nothing is spoken.
    fidelity : Fidelity

    Examples
    --------
    >>> table = AdviceTable(
    ...     policy="guarded",
    ...     policy_version="3",
    ...     axes=(AdviceAxis(column="load", edges=(0.8,)),),
    ...     tools={"Read": ("fileOperations", True)},
    ...     cells={
    ...         "fileOperations|0": AdviceCell(
    ...             size=6,
    ...             rule=8,
    ...             reason="learned_better",
    ...             confident=True,
    ...             policy="guarded",
    ...         )
    ...     },
    ... )
    >>> table.lookup("fileOperations", {"load": 0.3}).size
    6
    >>> table.lookup("fileOperations", {"load": 0.9}) is None
    True
    >>> AdviceTable.from_json(table.to_json()) == table
    True
    """

    policy: str
    policy_version: str
    axes: tuple[AdviceAxis, ...]
    tools: Mapping[str, tuple[str, bool]]
    cells: Mapping[str, AdviceCell]
    expires_at: datetime | None = None
    fidelity: Fidelity = field(default_factory=Fidelity)

    def __post_init__(self) -> None:
        if len(self.cells) > MAX_CELLS:
            raise UsageError(
                f"{len(self.cells)} cells, at most {MAX_CELLS}; use fewer bins"
            )

    @classmethod
    def tabulate(
        cls,
        decide: Callable[[Mapping[str, Value]], Decision],
        *,
        policy: str,
        policy_version: str,
        operation_types: Sequence[str],
        axes: Sequence[AdviceAxis],
        tools: Mapping[str, tuple[str, bool]],
        expires_at: datetime | None = None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        sizes: Callable[[str, Decision], Sequence[int]] = lambda *_: (),
    ) -> "AdviceTable":
        """Ask the policy once for each operation type and combination of bins.

        Parameters
        ----------
        decide : callable
            Takes a context (`operation_type` and the axes' columns) to a decision.
        policy, policy_version : str
            What the sizes are recorded with.
        operation_types : sequence of str
        axes : sequence of AdviceAxis
            How each column is cut into bins.
        tools : mapping of str to (str, bool)
            Operation type of a tool, and whether it only reads.
        expires_at : datetime, optional
            Aware; from then on a hook says nothing by this table.
        ranges : mapping of str to (low, high), optional
            What history saw of the axes' columns.
        sizes : callable, optional
            Takes an operation type and the decision to the sizes that may be tried.

        Returns
        -------
        AdviceTable
            With a cell for each operation type and combination of bins.
        """
        cells = {}
        for key in _keys(operation_types, axes):
            decision = decide(_context(key, axes, ranges or {}))
            cell = AdviceCell.of(decision, sizes=sizes(key[0], decision))
            cells["|".join(key)] = cell
        return cls(
            policy=policy,
            policy_version=policy_version,
            axes=tuple(axes),
            tools=dict(tools),
            cells=cells,
            expires_at=expires_at,
        )

    def lookup(
        self, operation_type: str, context: Mapping[str, Value]
    ) -> AdviceCell | None:
        """Find what the policy says in a context; `None` where nothing is tabulated.

        Parameters
        ----------
        operation_type : str
        context : mapping
            What is known, by column; what no axis cuts is not looked at.

        Returns
        -------
        AdviceCell or None
        """
        bins = [axis.bin(_number(context.get(axis.column))) for axis in self.axes]
        return self.cells.get("|".join([operation_type, *bins]))

    def measured(
        self,
        decide: Callable[[Mapping[str, Value]], Decision],
        contexts: Iterable[Mapping[str, Value]],
    ) -> "AdviceTable":
        """Copy the table with its fidelity to the policy on some contexts.

        Parameters
        ----------
        decide : callable
            Takes a context to the policy's own decision.
        contexts : iterable of mapping
            Such as those of the training rows.

        Returns
        -------
        AdviceTable
            Its `fidelity` is that of these contexts.
        """
        total = covered = same = wrong = 0
        for context in contexts:
            total += 1
            cell = self.lookup(str(context.get("operation_type")), context)
            if cell is None:
                continue
            size = int(decide(context).action[0])
            covered += 1
            same += cell.size == size
            wrong += cell.confident and cell.size != size
        fidelity = Fidelity(
            contexts=total,
            covered=covered / total if total else None,
            same_size=same / covered if covered else None,
            false_confidence=wrong / covered if covered else None,
        )
        return replace(self, fidelity=fidelity)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            JSON types, as a hook reads them.
        """
        expires = {}
        if self.expires_at is not None:
            expires = {"expires_at_s": self.expires_at.timestamp()}
        return {
            "format": FORMAT,
            "policy": self.policy,
            "policy_version": self.policy_version,
            **expires,
            "axes": [[axis.column, list(axis.edges)] for axis in self.axes],
            "tools": {name: [kind, int(r)] for name, (kind, r) in self.tools.items()},
            "cells": {key: _known(asdict(cell)) for key, cell in self.cells.items()},
            "fidelity": _known(asdict(self.fidelity)),
        }

    def dumps(self) -> bytes:
        """Write the file's content.

        Returns
        -------
        bytes
            JSON, at most `MAX_BYTES`.

        Raises
        ------
        UsageError
            Larger than a hook reads.
        """
        data = json.dumps(self.to_json(), indent=1, allow_nan=False).encode() + b"\n"
        if len(data) > MAX_BYTES:
            raise UsageError(f"advice of {len(data)} bytes, at most {MAX_BYTES}")
        return data

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "AdviceTable":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Returns
        -------
        AdviceTable

        Raises
        ------
        SchemaError
            Of another format, or where something is missing or of another type.
        """
        if value.get("format") != FORMAT:
            raise SchemaError(
                f"not an advice table of format {FORMAT}",
                field="format",
                got=value.get("format"),
                fix="export the model again",
            )
        try:
            return cls._parse(value)
        except (
            ArithmeticError,  # an instant beyond the calendar, an infinite size
            AttributeError,
            KeyError,
            OSError,  # an instant that the system's calendar does not hold
            TypeError,
            ValueError,
        ) as error:
            raise SchemaError(
                "a field is missing or of another type",
                field="advice",
                got=str(error),
            ) from error

    @classmethod
    def loads(cls, data: bytes) -> "AdviceTable":
        """Read the file's content.

        Parameters
        ----------
        data : bytes

        Returns
        -------
        AdviceTable

        Raises
        ------
        SchemaError
            It is too large, not JSON, or not an advice table.
        """
        if len(data) > MAX_BYTES:
            raise SchemaError(f"larger than {MAX_BYTES} bytes", field="advice")
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise SchemaError("not JSON", field="advice") from error
        if not isinstance(value, dict):
            raise SchemaError("not an object", field="advice", got=value)
        return cls.from_json(value)

    @classmethod
    def _parse(cls, value: Mapping[str, Any]) -> "AdviceTable":
        expires = value.get("expires_at_s")
        return cls(
            policy=str(value["policy"]),
            policy_version=str(value["policy_version"]),
            axes=tuple(
                AdviceAxis(column=str(name), edges=tuple(map(float, edges)))
                for name, edges in value["axes"]
            ),
            tools={
                str(name): (str(kind), bool(reads))
                for name, (kind, reads) in value["tools"].items()
            },
            cells={
                str(k): AdviceCell(
                    **{**cell, "sizes": tuple(map(int, cell.get("sizes", ())))}
                )
                for k, cell in value["cells"].items()
            },
            expires_at=None
            if expires is None
            else datetime.fromtimestamp(expires, UTC),
            fidelity=Fidelity(**value["fidelity"]),
        )


def _keys(
    operation_types: Sequence[str], axes: Sequence[AdviceAxis]
) -> Iterable[tuple[str, ...]]:
    return product(operation_types, *(axis.bins for axis in axes))


def _context(
    key: tuple[str, ...],
    axes: Sequence[AdviceAxis],
    ranges: Mapping[str, tuple[float, float]],
) -> dict[str, Value]:
    values = (
        axis.middle(name, ranges.get(axis.column))
        for axis, name in zip(axes, key[1:], strict=True)
    )
    columns = (axis.column for axis in axes)
    return {"operation_type": key[0], **dict(zip(columns, values, strict=True))}


def _number(value: Value) -> float | None:
    return value if isinstance(value, (int, float)) else None


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value not in (None, ())}
