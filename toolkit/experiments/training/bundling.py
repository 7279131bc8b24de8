"""From a learner to a bundle: the manifest's numbers, each from the experiment."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.bundle import Bundle
from toolkit.experiments.tables import LearningTable
from toolkit.experiments.training.learner import Learner
from toolkit.experiments.training.spec import ExperimentSpec
from toolkit.export import write_bundle

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
    metrics: Mapping[str, Any],
    limits: Sequence[str],
    now: datetime,
    version: str,
) -> Bundle:
    """Write the bundle of a learner.

    Parameters
    ----------
    directory : path
    table : LearningTable
    learner : Learner
    spec : ExperimentSpec
    metrics : mapping
        Figures that travel with the model.
    limits : sequence of str
        What the training data does not support, a sentence each.
    now : datetime
        Aware, UTC.
    version : str

    Returns
    -------
    Bundle

    Raises
    ------
    GateRefusedError
        The exported graph is not the fitted model.
    """
    manifest = replace(
        learner.manifest,
        version=version,
        created_at=now,
        expires_at=now + timedelta(days=spec.bundle.expires_days),
        cost_unit=_cost_unit(spec),
        training=_training(table, learner),
        metrics=dict(metrics),
        extra={**learner.manifest.extra, **_workflow(spec)},
    )
    return write_bundle(
        directory,
        model=learner.stack,
        manifest=manifest,
        X=learner.rows.X.astype(np.float32),
        seed=spec.seed,
        limits=limits,
    )


def _training(table: LearningTable, learner: Learner) -> dict[str, Any]:
    first, last = window_of(table)
    return {
        "rows": len(table.frame),
        "groups": len(set(table.groups.tolist())),
        "measured_problems": len(table.problems),
        "window": f"{first} to {last}",
        "fingerprint": fingerprint_of(table),
        "weights": {
            name: round(weight, 4)
            for name, weight in zip(
                learner.stack.names, learner.stack.weights, strict=True
            )
        },
        "sources": ", ".join(sorted(set(table.frame["source"].astype(str)))),
        "observational": not table.problems,
    }


def _workflow(spec: ExperimentSpec) -> dict[str, Any]:
    if spec.decision == "batch_size":
        return {}
    return {"workflow": {"price_exponent": spec.price_exponent}}


def _cost_unit(spec: ExperimentSpec) -> str:
    if spec.decision == "batch_size":
        return "seconds per successful operation"
    w = spec.price_exponent
    return f"makespan_s^{1 - w:g} * agent_seconds^{w:g}"
