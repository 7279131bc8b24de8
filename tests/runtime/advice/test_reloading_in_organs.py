"""An advisor that reloads fits wherever an advisor does, and its organ follows it."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.bundle_factory import AGENTS, NOW, SIZES, agent_bundle, small_bundle
from toolkit.bundle import AdviceAxis, AdviceTable
from toolkit.clock import VirtualClock
from toolkit.notifier import MemoryNotifier
from toolkit.records import Batch, Workflow
from toolkit.records.schema import Outcome, Provenance
from toolkit.runtime import RuntimeLoop
from toolkit.runtime.advice import ReloadingAdvisor, SystemLoad
from toolkit.runtime.batching import AdaptiveBatchingOptimizer
from toolkit.runtime.planning import PredictiveWorkflowOptimizer, TaskComplexity

TASK = TaskComplexity(
    components=16, dependencies=20, parallelizable=0.8, coordination_needs=0.1
)


class Swapped:
    """A link that points at version 1 until it is swapped, and advisors that follow it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock(NOW + timedelta(hours=1))
        self.batches = self._advisor("batch_size")
        self.agents = self._advisor("agent_count")

    def _advisor(self, decision: str) -> ReloadingAdvisor:
        link = self.folder / decision
        link.unlink(missing_ok=True)
        link.symlink_to(f"{decision}-1")
        return ReloadingAdvisor(link, decision=decision, clock=self.clock)

    def swap(self) -> None:
        for decision in ("batch_size", "agent_count"):
            draft = self.folder / "draft"
            draft.symlink_to(f"{decision}-2")
            draft.replace(self.folder / decision)
        self.clock.move(6)


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 2 of each offers fewer actions."""
    folder = tmp_path_factory.mktemp("bundles")
    small_bundle(folder / "batch_size-1", version="1")
    small_bundle(
        folder / "batch_size-2", version="2", actions=SIZES[:5], adaptation_every=9
    )
    agent_bundle(folder / "agent_count-1", version="1")
    agent_bundle(folder / "agent_count-2", version="2", actions=AGENTS[:4])
    return folder


@pytest.fixture
def swapped(bundles: Path) -> Swapped:
    return Swapped(bundles)


def test_the_batching_optimizer_takes_sizes_prior_and_settings_of_the_new_bundle(
    swapped: Swapped,
) -> None:
    optimizer = AdaptiveBatchingOptimizer(swapped.batches, clock=swapped.clock)
    idle = SystemLoad(cpu=0.0)
    before = optimizer.recommend("fileOperations", system=idle)
    with optimizer.batch("fileOperations", system=idle) as batch:
        batch.run([str] * batch.size)
    every = optimizer.settings.every
    swapped.swap()
    after = optimizer.recommend("fileOperations", system=idle)

    assert (before.policy_version, after.policy_version) == ("1", "2")
    assert before.batch_size > SIZES[4] >= after.batch_size
    assert (every, optimizer.settings.every) == (5, 9)
    # What ran under the first bundle is history of the second, not a run of its own.
    assert optimizer.statistics().operation_types == 1
    assert after.strategy_version == 0


def test_the_planner_plans_with_the_new_bundles(swapped: Swapped) -> None:
    planner = PredictiveWorkflowOptimizer(
        agents=swapped.agents, batches=swapped.batches
    )
    before = planner.predict(TASK).plan.agents
    swapped.swap()
    after = planner.predict(TASK).plan.agents

    assert (before.version, after.version) == ("1", "2")
    assert before.recommended in AGENTS
    assert after.recommended in {*AGENTS[:4], after.rule}


def test_own_runs_of_the_planner_begin_again_with_a_new_bundle(
    swapped: Swapped,
) -> None:
    planner = PredictiveWorkflowOptimizer(
        agents=swapped.agents, batches=swapped.batches
    )
    for number in range(12):
        planner.observe(
            Workflow(
                record_id=f"w{number}",
                at=NOW,
                source="test",
                provenance=Provenance.MEASURED,
                agents=2 + 10 * (number % 2),
                components=16.0,
                makespan_s=1.0 + 50.0 * (number % 2),
                outcome=Outcome.SUCCEEDED,
            )
        )
    before = planner.predict(TASK).plan.agents.recommended
    swapped.swap()
    after = planner.predict(TASK).plan.agents.recommended
    fresh = PredictiveWorkflowOptimizer(agents=swapped.agents, batches=swapped.batches)

    assert before < 12
    assert after == fresh.predict(TASK).plan.agents.recommended


def test_the_loop_advises_and_batches_through_the_new_bundle(
    swapped: Swapped,
) -> None:
    kept: list[Batch] = []
    optimizer = AdaptiveBatchingOptimizer(
        swapped.batches, clock=swapped.clock, emit=kept.append
    )
    loop = RuntimeLoop(
        clock=swapped.clock,
        notifier=MemoryNotifier(),
        batching=optimizer,
        advisors=[swapped.agents, swapped.batches],
    )
    context = {"components": 16.0, "coordination_needs": 0.1}
    before = loop.advise("agent_count", context).version
    swapped.swap()

    assert (before, loop.advise("agent_count", context).version) == ("1", "2")


def test_a_table_for_hooks_says_what_is_served_now(swapped: Swapped) -> None:
    def tabulated() -> AdviceTable:
        return AdviceTable.tabulate(
            swapped.batches.decide,
            policy="guarded",
            policy_version="",
            operation_types=("fileOperations",),
            axes=[AdviceAxis(column="load_cpu", edges=(0.4, 0.8))],
            tools={},
        )

    before = {cell.size for cell in tabulated().cells.values()}
    swapped.swap()
    after = {cell.size for cell in tabulated().cells.values()}

    assert max(after) <= SIZES[4] < max(before)
