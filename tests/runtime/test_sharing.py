"""What says that threads may share it gives each of them the answer it gives one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.bundle_factory import NOW, agent_bundle, small_bundle
from toolkit.bundle import read_bundle
from toolkit.clock import VirtualClock
from toolkit.runtime.advice import LadderAdvisor
from toolkit.runtime.planning import TaskComplexity, open_planner

LOADS = [place / 40 for place in range(8, 32)]


@pytest.fixture(scope="module")
def answers(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Callable[[float], object]]:
    """Ask each for something that depends on a number."""
    work = tmp_path_factory.mktemp("sharing")
    batches, agents = work / "batches", work / "agents"
    small_bundle(batches)
    agent_bundle(agents)
    clock = VirtualClock(NOW)
    bundle = read_bundle(batches)
    advisor = LadderAdvisor("batch_size", bundle=bundle, clock=clock)
    planner = open_planner(clock=clock, agent_bundle=agents, batch_bundle=batches)

    def context(load: float) -> dict[str, float | str | None]:
        return {"operation_type": "todoWrite", "load_cpu": load}

    def predicted(load: float) -> object:
        problem = advisor.problem(context(load))
        assert advisor.policy.model is not None
        return advisor.policy.model.predict(problem).log_cost.tolist()

    return {
        "model": predicted,
        "advisor": lambda load: advisor.decide(context(load)).action,
        "planner": lambda load: (
            planner.predict(
                TaskComplexity(components=20, parallelizable=load, dependencies=2)
            ).plan
        ),
    }


@pytest.mark.parametrize("shared", ["model", "advisor", "planner"])
def test_threads_get_the_answers_that_one_gets(
    answers: dict[str, Callable[[float], object]], shared: str
) -> None:
    ask = answers[shared]
    alone = [ask(load) for load in LOADS]

    with ThreadPoolExecutor(max_workers=4) as threads:
        together = list(threads.map(ask, LOADS * 4))

    assert together == alone * 4
