"""The advice that travels beside a model: the runtime's own policy, tabulated.

Here the export and the runtime meet: the table is what the policy that a runtime makes
of the bundle would say, and its fidelity is measured on contexts drawn from the bundle's
support, columns that a hook cannot see included.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.bundle import AdviceAxis, Bundle
    from toolkit.policies import Decision, Value

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
    table = AdviceTable.tabulate(
        advisor.decide,
        policy="guarded",
        policy_version=bundle.manifest.version,
        operation_types=operation_types(bundle),
        axes=axes_of(bundle),
        tools={n: (t.operation_type, t.reads) for n, t in known_tools().items()},
        expires_at=bundle.manifest.expires_at,
        ranges=bundle.manifest.support.ranges,
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
