"""Twenty thousand damaged bundles: refused by one error, or answering within bounds."""

import resource
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import FrameType

import pytest

from tests.bundle.mutants import Files, mutants
from tests.bundle_factory import NOW, agent_bundle, small_bundle
from toolkit.bundle import ACTION_BOUNDS, read_bundle
from toolkit.clock import VirtualClock
from toolkit.errors import BundleRefusedError
from toolkit.models.members import RelativeTrees
from toolkit.policies import Value
from toolkit.runtime.advice import LadderAdvisor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EACH = 6_700
"""Damaged bundles of each kind; half have their hashes made good."""

LIMIT_S = 2.0
GROWTH_MB = 100

CONTEXTS: dict[str, tuple[dict[str, Value], ...]] = {
    "batch_size": (
        {"operation_type": "fileOperations", "load_cpu": 0.5, "operation_bytes": 9.0},
        {"operation_type": "todoWrite", "load_cpu": None},
        {"operation_type": "nope", "load_cpu": 5.0, "operation_bytes": 0.0},
    ),
    "agent_count": ({"components": 10.0, "coordination_needs": 0.1}, {}),
}


@pytest.fixture(scope="module", params=["law", "trees", "agents"])
def good(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Files:
    folder = tmp_path_factory.mktemp("good") / "b"
    if request.param == "agents":
        agent_bundle(folder)
    else:
        trees = RelativeTrees(everything=True, min_samples_leaf=10, trees=8)
        small_bundle(folder, member=trees if request.param == "trees" else None)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def deadline() -> Iterator[None]:
    """End a bundle that takes too long: CPU time, so that a busy machine fails none."""

    def expired(_signal: int, _frame: FrameType | None) -> None:
        pytest.fail(f"a bundle took over {LIMIT_S} s")

    before = signal.signal(signal.SIGVTALRM, expired)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


def test_no_damaged_bundle_raises_hangs_or_answers_out_of_bounds(
    good: Files, tmp_path: Path, deadline: None
) -> None:
    clock = VirtualClock(NOW)
    loaded = refused = 0
    before_mb = _peak_mb()
    for mutant in islice(mutants(good, seed=1), EACH):
        for name, content in mutant.files.items():
            (tmp_path / name).write_bytes(content)
        signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
        try:
            bundle = read_bundle(tmp_path)
        except BundleRefusedError:
            refused += 1
            continue
        loaded += 1
        decision = bundle.manifest.decision
        low, high = ACTION_BOUNDS[decision]
        advisor = LadderAdvisor(decision, bundle=bundle, clock=clock)
        for context in CONTEXTS[decision]:
            answer = advisor.decide(context)
            (action,) = answer.action
            assert low <= action <= high, mutant.how
            assert action.is_integer(), mutant.how
            assert 0 <= (answer.confidence or 0) <= 1, mutant.how
        assert mutant.sealed or mutant.only_seal_differs(good), mutant.how

    assert refused > EACH / 2
    assert loaded > EACH / 100
    assert _peak_mb() - before_mb < GROWTH_MB


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
