"""One good bundle of every kind that ships: each decision with each member of the stack."""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.bundle_factory import (
    LEARNED,
    NOW,
    SHOWN,
    agent_bundle,
    small_bundle,
    small_lesson,
)
from tests.experiments.decision_tables import table
from toolkit.bundle import SECTION, Bundle, RungSpec
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

__all__ = ["MEMBERS", "write_specimens"]

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


def _life() -> dict[str, Any]:
    """Live until long after the tests: the advice is made with the world's clock."""
    return {"expires_at": NOW + timedelta(days=36_500)}


if __name__ == "__main__":
    write_specimens(Path(sys.argv[1]))
