"""Small real bundles for tests: fitted on a law with a known optimum, then exported."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.bundle import (
    MANIFEST_NAME,
    SEAL_NAME,
    Bundle,
    Column,
    Conformal,
    Fallback,
    FeatureSchema,
    Float32s,
    Manifest,
    Support,
    make_seal,
)
from toolkit.export import write_bundle
from toolkit.models.members import ScalabilityCurve
from toolkit.policies.rules import AgentCountConstants

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SIZES = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0)
KINDS = ("fileOperations", "todoWrite")

AGENTS = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
PRICE_EXPONENT = 0.5

AGENT_SCHEMA = FeatureSchema(
    context=(
        Column(name="components", log=True),
        Column(name="coordination_needs", unit="ratio"),
    ),
    action=(Column(name="agents"),),
)

SCHEMA = FeatureSchema(
    context=(
        Column(
            name="operation_type", kind="category", unit="category", categories=KINDS
        ),
        Column(name="load_cpu", unit="ratio"),
        Column(name="operation_bytes", unit="byte", log=True),
    ),
    action=(Column(name="size"),),
)


def training_rows(rows: int = 900) -> tuple[Float32s, np.ndarray]:
    """Rows of a law whose best size is about 20 idle and 5 busy."""
    rng = np.random.default_rng(0)
    load = rng.uniform(0, 1, rows)
    kind = rng.integers(2, size=rows)
    n = rng.choice(SIZES, rows)
    kappa = 0.002 + 0.03 * load
    y = np.log((1 + 0.1 * (n - 1) + kappa * n * (n - 1)) / n) + 0.3 * kind
    load[rng.uniform(size=rows) < 0.1] = np.nan
    size_log = np.log1p(rng.lognormal(8, 1, rows))
    X = np.column_stack([kind == 0, kind == 1, load, size_log, np.log(n)])
    return X.astype(np.float32), y + rng.normal(0, 0.02, rows)


def manifest_of(**changed: Any) -> Manifest:
    """A complete manifest but for the files."""
    values: dict[str, Any] = {
        "name": "batch-size",
        "version": "1",
        "decision": "batch_size",
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=30),
        "feature_schema": SCHEMA,
        "actions": SIZES,
        "support": Support(
            column="operation_type",
            counts={kind: tuple((n, 50) for n in SIZES) for kind in KINDS},
            ranges={"load_cpu": (0.0, 1.0)},
        ),
        "minimum_support": 5.0,
        "fallback": Fallback(rule="batch_size_rule", constant=4.0),
        "conformal": Conformal(
            level=0.9,
            low=-0.1,
            high=0.1,
            probabilities=(0.01, 0.05, 0.5, 0.95, 0.99),
            differences=(-0.08, -0.05, 0.0, 0.05, 0.08),
            groups=12,
        ),
        "guard_level": 0.95,
        "adaptation_rate": 0.1,
        "adaptation_every": 5,
        "cost_unit": "seconds per successful operation",
        "training": {"rows": 900},
        "metrics": {},
        "files": {},
    }
    return Manifest(**{**values, **changed})


def small_bundle(directory: Path, *, model: Any = None, **changed: Any) -> Bundle:
    """Fit, export and load."""
    X, y = training_rows()
    fitted = (model or ScalabilityCurve()).fit(X, y)
    return write_bundle(
        directory, model=fitted, manifest=manifest_of(**changed), X=X, seed=1
    )


def makespan_s(components: Any, needs: Any, agents: Any) -> Any:
    """The law of `agent_bundle`: parts of 2 s, contention that grows with the needs."""
    sigma, kappa = 0.01 + 0.9 * needs, 0.002
    slowdown = 1 + sigma * (agents - 1) + kappa * agents * (agents - 1)
    return 2 * components * slowdown / agents


def agent_bundle(directory: Path, **changed: Any) -> Bundle:
    """Fit on workflows whose best count is 12 without needs and 1 with many; export."""
    rng = np.random.default_rng(0)
    components = rng.uniform(2, 40, 900)
    needs = rng.uniform(0, 1, 900)
    agents = rng.choice(AGENTS, 900)
    time = np.log(makespan_s(components, needs, agents))
    y = time + PRICE_EXPONENT * np.log(agents) + rng.normal(0, 0.02, 900)
    X = np.column_stack([np.log1p(components), needs, np.log(agents)])
    fitted = ScalabilityCurve(alpha=0.01, price_exponent=PRICE_EXPONENT).fit(X, y)
    values = {
        "name": "agent-count",
        "decision": "agent_count",
        "feature_schema": AGENT_SCHEMA,
        "actions": AGENTS,
        "support": Support(
            column=None,
            counts={"": tuple((n, 50) for n in AGENTS)},
            ranges={"components": (2.0, 40.0), "coordination_needs": (0.0, 1.0)},
        ),
        "fallback": Fallback(
            rule="agent_count_rule",
            constant=4.0,
            parameters=asdict(AgentCountConstants()),
        ),
        "cost_unit": "makespan_s^0.5 * agent_seconds^0.5",
        "extra": {"workflow": {"price_exponent": PRICE_EXPONENT}},
    }
    manifest = manifest_of(**{**values, **changed})
    rows = X.astype(np.float32)
    return write_bundle(directory, model=fitted, manifest=manifest, X=rows, seed=1)


def rewrite(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a manifest as a person would who knows the format: hashes and seal agree."""
    path = directory / MANIFEST_NAME
    value = json.loads(path.read_text())
    for name in value["files"]:
        if (directory / name).exists():
            content = (directory / name).read_bytes()
            value["files"][name] = hashlib.sha256(content).hexdigest()
    change(value)
    path.write_text(json.dumps(value))
    (directory / SEAL_NAME).write_bytes(make_seal(path.read_bytes(), None))
