"""What to do differently after a task, each with the figure that calls for it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toolkit.capture.hooks.performance import Performance
from toolkit.errors import UsageError
from toolkit.policies.rules import BatchSizeRule

__all__ = ["SizeOf", "recommendations"]

SizeOf = Callable[[str, Mapping[str, float]], float | None]
"""Decides the batch size of an operation type under known utilisations."""

TARGET_SUCCESS = 0.85
"""Target of the coordination efficiency (specification, section 6)."""

LOW_PARALLELISM = 0.5
"""Below it a batch is serial (definitions, section 1, `serial_execution`)."""

NEAR = 0.25
"""Sizes within a quarter of each other count as the same."""


def recommendations(
    work: Performance, load: Mapping[str, float], sizes: SizeOf | None = None
) -> list[dict[str, Any]]:
    """Recommend from a task's batches, in the words of definitions, section 1.

    Parameters
    ----------
    work : Performance
    load : mapping of str to float
        Known utilisations, 0 to 1; without any the rule is not asked for a size.
    sizes : callable, optional
        Decides a size of an operation type under a load, from a bundle; the
        specification's rule unless given.

    Returns
    -------
    list of dict
        `action`, `operation_type`, `metric`, `value`, `threshold`; a single `no_change`
        where nothing calls for anything, none at all without batches.

    Examples
    --------
    >>> from toolkit.capture.hooks.performance import measured
    >>> recommendations(measured([]), {})
    []
    """
    if not work.batches:
        return []
    found = [*_of_types(work, load, sizes or _rule_size), *_of_all(work)]
    return found or [_said("no_change", "all", "success", work.success, TARGET_SUCCESS)]


def _of_types(
    work: Performance, load: Mapping[str, float], size_of: SizeOf
) -> Iterator[dict[str, Any]]:
    for kind, (_, size, _, success) in work.by_type.items():
        if success is not None and success < TARGET_SUCCESS:
            action = "smaller_batch" if size > 1 else "isolate_failing_operation"
            yield _said(action, kind, "success", success, TARGET_SUCCESS)
            continue
        rule = size_of(kind, load)
        if rule is None:
            continue
        if size < rule * (1 - NEAR):
            yield _said("larger_batch", kind, "mean_size", size, rule)
        elif size > rule * (1 + NEAR):
            yield _said("smaller_batch", kind, "mean_size", size, rule)


def _of_all(work: Performance) -> Iterator[dict[str, Any]]:
    several = work.mean_size is not None and work.mean_size >= 2
    if several and work.parallelism is not None and work.parallelism < LOW_PARALLELISM:
        yield _said(
            "split_reads_from_writes",
            "all",
            "parallelism",
            work.parallelism,
            LOW_PARALLELISM,
        )


def _rule_size(kind: str, load: Mapping[str, float]) -> float | None:
    if not load:
        return None
    try:
        answer = BatchSizeRule().recommend(
            operation_type=kind,
            system_load=max(load.values()),
            coordination_complexity=0.0,
        )
    except UsageError:
        return None  # the specification has no rule for this type of operation
    return float(answer.batch_size)


def _said(
    action: str, kind: str, metric: str, value: float | None, threshold: float
) -> dict[str, Any]:
    return {
        "action": action,
        "operation_type": kind,
        "metric": metric,
        "value": value,
        "threshold": threshold,
    }
