"""From a learner to a bundle: the manifest's numbers, each from the experiment."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from toolkit.bundle import ACTION_BOUNDS, Bundle, Fallback, Manifest
from toolkit.experiments.evaluation import Learner
from toolkit.experiments.tables import LearningTable
from toolkit.experiments.training.spec import ExperimentSpec
from toolkit.export import write_bundle
from toolkit.policies.adaptation import CorrectionSettings
from toolkit.policies.rules import AgentCountConstants, BatchSizeThresholds

__all__ = ["export_learner", "fingerprint_of", "window_of"]


def fingerprint_of(table: LearningTable) -> str:
    """Hash the training rows: ids, encoded inputs and targets, SHA-256."""
    digest = hashlib.sha256()
    digest.update("\n".join(table.frame["record_id"].astype(str)).encode())
    digest.update(",".join(table.schema.names).encode())
    digest.update(table.X.tobytes())
    digest.update(table.y.tobytes())
    return digest.hexdigest()


def window_of(table: LearningTable) -> tuple[str, str]:
    """First and last start of the training rows, ISO 8601, UTC."""
    at = table.frame["at"]
    return at.min().isoformat(), at.max().isoformat()


def export_learner(
    directory: Path,
    *,
    table: LearningTable,
    learner: Learner,
    spec: ExperimentSpec,
    correction: CorrectionSettings,
    metrics: Mapping[str, Any],
    limits: Sequence[str],
    now: datetime,
    version: str,
) -> Bundle:
    """Write the bundle of a learner.

    Parameters
    ----------
    now : datetime
        Aware, UTC.
    """
    manifest = _manifest(
        table,
        learner,
        spec,
        correction=correction,
        metrics=metrics,
        now=now,
        version=version,
    )
    return write_bundle(
        directory,
        model=learner.model,
        manifest=manifest,
        X=table.X,
        seed=spec.seed,
        limits=limits,
    )


def _manifest(
    table: LearningTable,
    learner: Learner,
    spec: ExperimentSpec,
    *,
    correction: CorrectionSettings,
    metrics: Mapping[str, Any],
    now: datetime,
    version: str,
) -> Manifest:
    first, last = window_of(table)
    batches = spec.decision == "batch_size"
    constants: BatchSizeThresholds | AgentCountConstants = (
        BatchSizeThresholds() if batches else AgentCountConstants()
    )
    return Manifest(
        name=spec.bundle.name,
        version=version,
        decision=spec.decision,
        created_at=now,
        expires_at=now + timedelta(days=spec.bundle.expires_days),
        feature_schema=table.schema,
        actions=_offered(table, spec.decision),
        support=table.support(),
        minimum_support=spec.guard.minimum_support,
        fallback=Fallback(
            rule="batch_size_rule" if batches else "agent_count_rule",
            constant=_within(
                table.constant(sorted(set(map(str, table.groups)))), spec.decision
            ),
            parameters=asdict(constants),
        ),
        conformal=learner.errors.conformal(level=spec.guard.interval),
        guard_level=spec.guard.level,
        adaptation_rate=correction.rate,
        adaptation_every=correction.every,
        cost_unit=_cost_unit(spec),
        training={
            "rows": len(table.frame),
            "groups": len(set(table.groups.tolist())),
            "measured_problems": len(table.problems),
            "window": f"{first} to {last}",
            "fingerprint": fingerprint_of(table),
            "family": learner.family,
            "sources": ", ".join(sorted(set(table.frame["source"].astype(str)))),
            "observational": not table.problems,
        },
        metrics=dict(metrics),
        files={},
        extra={} if batches else {"workflow": {"price_exponent": spec.price_exponent}},
    )


def _offered(table: LearningTable, decision: str) -> tuple[float, ...]:
    """List the actions of the history that may be recommended."""
    actions = sorted({float(a) for a in table.frame[table.action]})
    return tuple(a for a in actions if a == _within(a, decision))


def _within(action: float, decision: str) -> float:
    low, high = ACTION_BOUNDS[decision]
    return float(min(max(round(action), low), high))


def _cost_unit(spec: ExperimentSpec) -> str:
    if spec.decision == "batch_size":
        return "seconds per successful operation"
    w = spec.price_exponent
    return f"makespan_s^{1 - w:g} * agent_seconds^{w:g}"
