"""How well a stretch of work went, from its batches; and how two stretches compare."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from toolkit.records import Batch

__all__ = ["Performance", "compared", "measured"]

TIE = 0.02
"""Relative differences of a cost below this are ties: that is the replicate noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What a stretch of batches cost; `None` is not known.

    Attributes
    ----------
    batches, operations : int
    cost_s : float or None
        Seconds per successful operation, as a ratio of sums (definitions, section 1).
    success : float or None
        Share of ended operations that succeeded, 0 to 1.
    parallelism : float or None
        Mean over the batches that know theirs, 0 to 1.
    mean_size : float or None
    by_type : mapping of str to (batches, mean size, cost_s or None, success or None)
    """

    batches: int
    operations: int
    cost_s: float | None
    success: float | None
    parallelism: float | None
    mean_size: float | None
    by_type: Mapping[str, tuple[int, float, float | None, float | None]] = field(
        default_factory=dict
    )

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        row = asdict(self)
        names = ("batches", "mean_size", "cost_s", "success")
        row["by_type"] = {
            kind: dict(zip(names, values, strict=True))
            for kind, values in self.by_type.items()
        }
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Performance":
        """Read what `to_json` wrote."""
        names = ("batches", "mean_size", "cost_s", "success")
        types = {
            kind: tuple(values[name] for name in names)
            for kind, values in row["by_type"].items()
        }
        return cls(**{**row, "by_type": types})


def measured(batches: Iterable[Batch]) -> Performance:
    """Measure a stretch of batches.

    Examples
    --------
    >>> measured([]).cost_s is None
    True
    """
    held = list(batches)
    kinds = sorted({batch.operation_type for batch in held})
    return Performance(
        batches=len(held),
        operations=sum(batch.size for batch in held),
        cost_s=_cost_s(held),
        success=_success(held),
        parallelism=_mean(b.parallelism for b in held if b.parallelism is not None),
        mean_size=_mean(batch.size for batch in held),
        by_type={kind: _of_type(held, kind) for kind in kinds},
    )


def compared(now: Performance, baseline: Performance | None) -> dict[str, Any]:
    """Compare a stretch with a baseline.

    Returns
    -------
    dict
        `cost_change` (relative; negative is cheaper), `success_change` (absolute) and
        `verdict`: `better`, `worse`, `same` within 2 %, or `no data`.

    Examples
    --------
    >>> compared(measured([]), None)["verdict"]
    'no data'
    """
    if baseline is None or not now.cost_s or not baseline.cost_s:
        return {"verdict": "no data", "cost_change": None, "success_change": None}
    change = now.cost_s / baseline.cost_s - 1
    success = None
    if now.success is not None and baseline.success is not None:
        success = now.success - baseline.success
    verdict = "same" if abs(change) <= TIE else "better" if change < 0 else "worse"
    return {"verdict": verdict, "cost_change": change, "success_change": success}


def _of_type(
    batches: list[Batch], kind: str
) -> tuple[int, float, float | None, float | None]:
    held = [batch for batch in batches if batch.operation_type == kind]
    size = sum(batch.size for batch in held) / len(held)
    return len(held), size, _cost_s(held), _success(held)


def _cost_s(batches: list[Batch]) -> float | None:
    timed = [b for b in batches if b.cycle_s is not None and b.succeeded is not None]
    succeeded = sum(batch.succeeded or 0 for batch in timed)
    if not succeeded:
        return None
    return sum(batch.cycle_s or 0.0 for batch in timed) / succeeded


def _success(batches: list[Batch]) -> float | None:
    succeeded = sum(batch.succeeded or 0 for batch in batches)
    ended = succeeded + sum((b.failed or 0) + (b.cancelled or 0) for b in batches)
    return succeeded / ended if ended else None


def _mean(values: Iterable[float]) -> float | None:
    held = list(values)
    return sum(held) / len(held) if held else None
