"""What a fitted stack says in its manifest, whatever the table that it learned from."""

from datetime import UTC, datetime, timedelta

import numpy as np

from toolkit.bundle import (
    SECTION,
    Column,
    Conformal,
    Fallback,
    FeatureSchema,
    Manifest,
    StackSection,
    Support,
)
from toolkit.experiments.evaluation import fit_intervals
from toolkit.experiments.evaluation.calibration import fit_confidence, saving_errors
from toolkit.models import DecisionTable, FittedStack, RelativeRows
from toolkit.policies import CostLevel, Floats, with_offered_range
from toolkit.policies.adaptation import MeasurementPrior

__all__ = ["stack_manifest"]

PROBABILITIES = tuple(np.linspace(0.01, 0.99, 99).round(2).tolist())
BEGUN = datetime(1970, 1, 1, tzinfo=UTC)
VALID_FOR = timedelta(days=30)


def stack_manifest(
    table: DecisionTable,
    rows: RelativeRows,
    stack: FittedStack,
    prior: MeasurementPrior,
    *,
    name: str,
    decision: str,
    fallback: Fallback,
    level: float,
    aim: float,
    cost_level: CostLevel | None = None,
) -> Manifest:
    """Calibrate a stack across its groups and describe it.

    Parameters
    ----------
    table : DecisionTable
        What it learned from, with the rule that it is compared with.
    rows : RelativeRows
        The table's.
    stack : FittedStack
    prior : MeasurementPrior
    name, decision : str
    fallback : Fallback
    level, aim : float
        Nominal coverage of the intervals, and the one that is aimed at over groups.
    cost_level : CostLevel, optional
        Unless given, costs compare within a problem only.

    Returns
    -------
    Manifest
        Without ladder, figures and files; created in 1970, every action supported.
    """
    rules = list(table.rules)
    errors = np.quantile(rows.regret - stack.held_out, (0.05, 0.95))
    savings = saving_errors(rows, stack.held_out, rules, PROBABILITIES)
    section = StackSection(
        sizes=table.sizes,
        prior=prior,
        intervals=fit_intervals(rows, stack.held_out, prior, level=aim),
        confidence=fit_confidence(rows, stack.held_out, prior, rules),
        level=cost_level,
    )
    return Manifest(
        name=name,
        version="0",
        decision=decision,
        created_at=BEGUN,
        expires_at=BEGUN + VALID_FOR,
        feature_schema=_schema(table),
        actions=(),
        support=Support(column=None, counts={"": ((1.0, len(rows.X)),)}, ranges={}),
        minimum_support=0.0,
        fallback=fallback,
        conformal=Conformal(
            level=level,
            low=float(errors[0]),
            high=float(errors[1]),
            probabilities=PROBABILITIES,
            differences=_about_zero(savings),
            groups=len(table.group_names),
        ),
        guard_level=0.95,
        adaptation_rate=0.1,
        adaptation_every=5,
        cost_unit="",
        training={},
        metrics={},
        files={},
        extra={SECTION: section.to_json()},
    )


def _schema(table: DecisionTable) -> FeatureSchema:
    """Describe a row as the stack reads it: context, actions, where they lie on offer."""
    shown = with_offered_range(
        table.problems[0], table.axes, rule=table.rules[0], sizes=table.sizes
    )
    return FeatureSchema(
        context=table.schema.context,
        action=tuple(
            Column(name=name, unit="log2", about="binary logarithm")
            for name in shown.action_columns
        ),
        action_is_log=True,
    )


def _about_zero(errors: Floats) -> tuple[float, ...]:
    """Keep quantiles below the middle below zero, and those above it above."""
    above = np.array(PROBABILITIES) >= 0.5
    return tuple(np.where(above, np.maximum(errors, 0), np.minimum(errors, 0)).tolist())
