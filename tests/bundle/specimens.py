"""One good bundle of every kind that ships: each decision with each member of the stack,
and what a manifest may hold beside it: lower rungs, constraints, a level of hinges.
"""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.bundle.test_outcome_bounds import bounds, constrained
from tests.bundle_factory import (
    LEARNED,
    NOW,
    SHOWN,
    agent_bundle,
    rewrite,
    small_bundle,
    small_lesson,
)
from tests.experiments.decision_tables import table
from toolkit.bundle import SECTION, Bundle, Column, RungSpec
from toolkit.cli.model import advice
from toolkit.experiments.training import train_bundle
from toolkit.export import copy_bundle
from toolkit.models import RelativeMember, Stack
from toolkit.models.members import (
    RelativeBoosted,
    RelativeConstant,
    RelativeEstimator,
    RelativeLaw,
    RelativeLinear,
    RelativeProcess,
    RelativeQuadratic,
    RelativeTrees,
)
from toolkit.models.members.anchor import RelativeAnchor

__all__ = ["MEMBERS", "hinges", "write_sections", "write_specimens"]

MEMBERS: dict[str, RelativeMember] = {
    "anchor": RelativeAnchor(),
    "boosted": RelativeBoosted(trees=5),
    "constant": RelativeConstant(),
    "estimator": RelativeEstimator(estimator=make_pipeline(StandardScaler(), Ridge())),
    "law": RelativeLaw(),
    "linear": RelativeLinear(),
    "process": RelativeProcess(raw=True, tuned_on=40, conditioned_on=20),
    "quadratic": RelativeQuadratic(penalty=0.1),
    "trees": RelativeTrees(everything=True, min_samples_leaf=10, trees=4),
}
"""Every member that can be exported, as small as it can be."""

OF_DECISION: dict[str, Callable[..., Bundle]] = {
    "agent_count": agent_bundle,
    "batch_size": small_bundle,
}


def write_specimens(folder: Path) -> None:
    """Write each bundle into a folder of its name."""
    for decision, write in OF_DECISION.items():
        for name, member in MEMBERS.items():
            write(folder / f"{decision}-{name}", member=member, **_life())
    _with_everything(folder)
    train_bundle(
        table(folder / "rows", groups=4, problems=4),
        folder / "table-stack",
        ensemble=Stack(
            seed=0, members=tuple((n, MEMBERS[n]) for n in ("quadratic", "trees"))
        ),
        created_at=NOW,
    )


def write_sections(folder: Path) -> None:
    """Write the bundles whose manifests hold what those of the members do not."""
    _with_constraints(folder)
    small_bundle(folder / "batch_size-hinges", member=MEMBERS["boosted"], **_life())
    rewrite(folder / "batch_size-hinges", hinges)


def _with_everything(folder: Path) -> None:
    """A batch model with lower rungs, and the table of advice beside it."""
    rungs = (
        RungSpec(
            name="tuned rule",
            rule="batch_size_rule",
            parameters={"optimal_todoWrite": 9, "high_load": 0.7},
            evidence=SHOWN,
        ),
        LEARNED,
    )
    section = small_lesson().section.to_json()
    bundle = small_bundle(
        folder / "draft", ladder=rungs, extra={SECTION: section}, **_life()
    )
    copy_bundle(
        bundle.path,
        folder / "batch_size-everything",
        extra_files=advice.advice_of(bundle.path),
    )


def hinges(value: dict[str, Any]) -> None:
    """Read more of a single batch than the shape does, piecewise linear."""
    beside = (
        Column(name="call_characters", log=True),
        Column(name="before", kind="category", categories=("shell", "web")),
    )
    width = sum(
        len(column["categories"]) if column["kind"] == "category" else 1
        for column in value["feature_schema"]["context"]
    )
    value["extra"][SECTION]["level"] = {
        "intercept": 0.5,
        "low": [0.0] * (width + 3),
        "high": [1.0] * width + [9.0, 1.0, 1.0],
        "centre": [0.25] * width + [4.0, 0.5, 0.0],
        "unknown": [0.1] * width + [0.4, 0.0, 0.0],
        "widening": [0.0] * width + [0.0, 0.3, -0.2],
        "terms": [
            *([[place, 0.0]] for place in range(width + 3)),
            [[width, 3.5]],
            [[width, 2.0], [width + 1, 0.0]],
        ],
        "slope": [0.1] * (width + 3) + [-0.2, 0.7],
        "deviation": 0.4,
        "columns": [column.to_json() for column in beside],
    }


def _with_constraints(folder: Path) -> None:
    """A batch model with bounds beside its cost, and the table of advice with them."""
    bundle = constrained(folder / "constrained", bounds(), **_life())
    copy_bundle(
        bundle.path,
        folder / "batch_size-constrained",
        extra_files=advice.advice_of(bundle.path),
    )


def _life() -> dict[str, Any]:
    """Live until long after the tests: the advice is made with the world's clock."""
    return {"expires_at": NOW + timedelta(days=36_500)}


if __name__ == "__main__":
    write_specimens(Path(sys.argv[1]))
    write_sections(Path(sys.argv[1]))
