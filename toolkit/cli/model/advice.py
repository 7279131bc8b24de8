"""The advice that travels beside a model: the runtime's own policy, tabulated.

Here the export and the runtime meet: the table is what the policy that a runtime makes
of the bundle would say, and its fidelity is measured on contexts drawn from the bundle's
support, columns that a hook cannot see included.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from toolkit.bundle import AdviceAxis, Bundle
    from toolkit.policies import Decision, Value
    from toolkit.runtime.advice import LadderAdvisor

__all__ = ["advice_of", "rule_advice"]

EDGES = (("load_cpu", (0.4, 0.8)), ("load_memory", (0.8,)), ("read_share", (0.5,)))
"""Bins of what a hook knows: the rule's own thresholds (specification, section 1), and
batches that mostly read."""

CONTEXTS = 300
"""Contexts that the fidelity is measured on."""


def advice_of(source: Path, *, signed: bool = True) -> dict[str, bytes]:
    """Tabulate a bundle's policy.

    Parameters
    ----------
    source : path
        A bundle that decides batch sizes; other decisions are none that a hook gives.
    signed : bool
        Require the team's signature where its key is installed.

    Returns
    -------
    dict
        `advice.json` and its content, or nothing.

    Raises
    ------
    BundleRefusedError
        The bundle may not be loaded.
    """
    from toolkit.bundle import ADVICE_NAME, AdviceTable, read_bundle
    from toolkit.clock import SystemClock
    from toolkit.history.importers.claude_code import known_tools
    from toolkit.runtime.advice import LadderAdvisor

    bundle = read_bundle(source, signed=signed)
    if bundle.manifest.decision != "batch_size":
        return {}
    advisor = LadderAdvisor("batch_size", bundle=bundle, clock=SystemClock())
    axes, ranges = axes_of(bundle), bundle.manifest.support.ranges

    def decide(context: "Mapping[str, Value]") -> "Decision":
        return _kept_in_bin(advisor, context, axes, ranges)

    table = AdviceTable.tabulate(
        decide,
        policy="guarded",
        policy_version=bundle.manifest.version,
        operation_types=operation_types(bundle),
        axes=axes,
        tools={n: (t.operation_type, t.reads) for n, t in known_tools().items()},
        expires_at=bundle.manifest.expires_at,
        ranges=ranges,
        sizes=lambda _, decision: _supported(bundle, advisor.offered, decision),
    )
    table = table.measured(advisor.decide, contexts_of(bundle))
    return {ADVICE_NAME: table.dumps()}


def rule_advice() -> bytes:
    """Tabulate the rule, with the sizes between its own minimum and maximum to try.

    A team that begins has no history that could support a size; what the specification
    allows is what exploring is bounded to until it has.
    """
    from toolkit.bundle import AdviceAxis, AdviceTable
    from toolkit.clock import SystemClock
    from toolkit.history.importers.claude_code import known_tools
    from toolkit.policies.rules import OPTIMUMS
    from toolkit.runtime.advice import LadderAdvisor

    advisor = LadderAdvisor("batch_size", bundle=None, clock=SystemClock())

    def allowed(operation_type: str, _: "Decision") -> range:
        optimum = OPTIMUMS[operation_type]
        return range(optimum.minimum, optimum.maximum + 1)

    return AdviceTable.tabulate(
        advisor.decide,
        policy="rule",
        policy_version="specification",
        operation_types=sorted(OPTIMUMS),
        axes=[AdviceAxis(column=n, edges=e) for n, e in EDGES if n.startswith("load")],
        tools={n: (t.operation_type, t.reads) for n, t in known_tools().items()},
        sizes=allowed,
    ).dumps()


def _kept_in_bin(
    advisor: "LadderAdvisor",
    context: "Mapping[str, Value]",
    axes: "Sequence[AdviceAxis]",
    ranges: "Mapping[str, tuple[float, float]]",
) -> "Decision":
    """Decide in the middle of a bin what keeps the constraints in all of it.

    An outcome's bound is linear in each number of the context, and convex where one is
    not known: what holds at the corners of a bin holds inside.
    """
    decision = advisor.decide(context)
    if decision.allowed is None:
        return decision
    ends = [_ends(axis, context, ranges) for axis in axes]
    for corner in product(*ends):
        names = (axis.column for axis in axes)
        there = advisor.decide({**context, **dict(zip(names, corner, strict=True))})
        assert there.allowed is not None  # noqa: S101 - one bundle decides both
        if not there.allowed.any():
            return there
        kept = decision.allowed & there.allowed
        if not kept.any():
            return there
        if not kept[decision.index]:
            decision = there if kept[there.index] else _nearest(advisor, there, kept)
        decision = replace(decision, allowed=kept)
    return decision


def _ends(
    axis: "AdviceAxis",
    context: "Mapping[str, Value]",
    ranges: "Mapping[str, tuple[float, float]]",
) -> "tuple[float | None, ...]":
    value = context.get(axis.column)
    if value is None or isinstance(value, str):
        return (None,)
    return axis.ends(axis.bin(value), ranges.get(axis.column))


def _nearest(
    advisor: "LadderAdvisor", decision: "Decision", kept: "NDArray[np.bool_]"
) -> "Decision":
    """Move a decision to the nearest size that is kept; the smaller of two as near."""
    place = min(
        (int(place) for place in kept.nonzero()[0]),
        key=lambda place: (abs(place - decision.index), place),
    )
    size = advisor.offered[place]
    return replace(decision, index=place, label=f"{size:g}", action=(size,))


def _supported(
    bundle: "Bundle", offered: "tuple[float, ...]", decision: "Decision"
) -> "list[int]":
    """List the sizes with enough history that keep the constraints, if there are any.

    None where the model is silent.
    """
    if decision.curve is None:
        return []
    kept = decision.curve.support >= bundle.manifest.minimum_support
    if decision.allowed is not None:
        kept &= decision.allowed
    return [int(size) for size, is_kept in zip(offered, kept, strict=True) if is_kept]


def operation_types(bundle: "Bundle") -> tuple[str, ...]:
    """List the operation types that the model tells apart."""
    for column in bundle.manifest.feature_schema.context:
        if column.name == "operation_type":
            return column.categories
    return ()


def axes_of(bundle: "Bundle") -> "list[AdviceAxis]":
    """Cut the columns that both the model and a hook know."""
    from toolkit.bundle import AdviceAxis

    known = {column.name for column in bundle.manifest.feature_schema.context}
    return [AdviceAxis(column=n, edges=e) for n, e in EDGES if n in known]


def contexts_of(bundle: "Bundle") -> "list[Mapping[str, Value]]":
    """Draw contexts evenly from the ranges that training saw; the same every time."""
    import numpy as np

    rng = np.random.default_rng(0)
    types = operation_types(bundle)
    if not types:
        return []
    return [
        {
            "operation_type": types[int(rng.integers(len(types)))],
            **{
                name: float(rng.uniform(low, high))
                for name, (low, high) in bundle.manifest.support.ranges.items()
            },
        }
        for _ in range(CONTEXTS)
    ]
