from pathlib import Path

import pytest

from tests.bundle_factory import NOW, agent_bundle, small_bundle
from toolkit.clock import VirtualClock
from toolkit.runtime.planning import PredictiveWorkflowOptimizer, open_planner


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    work = tmp_path_factory.mktemp("planning")
    agent_bundle(work / "agents")
    small_bundle(work / "batches", adaptation_rate=0.25, adaptation_every=7)
    return {"agents": work / "agents", "batches": work / "batches"}


@pytest.fixture
def learned(bundles: dict[str, Path]) -> PredictiveWorkflowOptimizer:
    return open_planner(
        clock=VirtualClock(NOW),
        agent_bundle=bundles["agents"],
        batch_bundle=bundles["batches"],
    )


@pytest.fixture
def ruled() -> PredictiveWorkflowOptimizer:
    return open_planner(clock=VirtualClock(NOW))
