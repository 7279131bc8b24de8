"""From a learner to a bundle: the manifest's numbers, each from the experiment."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.bundle import Bundle
from toolkit.experiments.training.learner import Learner
from toolkit.experiments.training.spec import ExperimentSpec
from toolkit.export import write_bundle

__all__ = ["export_learner"]


def export_learner(
    directory: Path,
    *,
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
        training=_training(learner),
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


def _training(learner: Learner) -> dict[str, Any]:
    table, origin = learner.table, learner.table.records
    return {
        "rows": origin.rows,
        "groups": origin.groups,
        "measured_problems": 0 if table.observed else len(table.problems),
        "window": f"{origin.first.isoformat()} to {origin.last.isoformat()}",
        "fingerprint": origin.fingerprint,
        "weights": {
            name: round(weight, 4)
            for name, weight in zip(
                learner.stack.names, learner.stack.weights, strict=True
            )
        },
        "sources": ", ".join(origin.sources),
        "observational": table.observed,
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
