from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.measurement.workloads.catalogue import task_graphs
from toolkit.measurement.workloads.graph_shape import GraphShape
from toolkit.measurement.workloads.task_graph import GraphVariant, TaskGraph

SHAPES = {
    "chain": GraphShape.chain(5),
    "independent": GraphShape.independent(6),
    "fork-join": GraphShape.fork_join(3, 2),
    "layered": GraphShape.layered(3, 3),
}


def graph(shape: GraphShape, directory: Path) -> TaskGraph:
    made = TaskGraph(
        GraphVariant(
            name="g",
            shape=shape,
            compute_bytes=2000,
            syncs=1,
            shared_bytes=500,
            message_bytes=50,
            briefing_bytes=400,
        )
    )
    made.prepare(directory / "graph", seed=1)
    return made


@pytest.mark.parametrize("workers", [1, 2, 12])
@pytest.mark.parametrize("name", SHAPES)
def test_every_component_runs_whatever_the_number_of_workers(
    name: str, workers: int, tmp_path: Path
) -> None:
    run = graph(SHAPES[name], tmp_path).run(workers)

    assert (run.succeeded, run.failed) == (SHAPES[name].components, 0)


def test_a_graph_can_be_run_again(tmp_path: Path) -> None:
    made = graph(SHAPES["layered"], tmp_path)
    made.run(2)

    assert made.run(3).succeeded == 9


def test_no_worker_outlives_the_run(tmp_path: Path) -> None:
    graph(SHAPES["chain"], tmp_path).run(6)

    assert psutil.Process().children(recursive=True) == []


def test_workers_that_fail_stop_the_run_instead_of_waiting(tmp_path: Path) -> None:
    made = graph(SHAPES["independent"], tmp_path)
    (tmp_path / "graph" / "briefing.json").unlink()
    run = made.run(3)

    assert (run.succeeded, run.failed) == (0, 3)


def test_one_worker_costs_at_most_the_makespan(tmp_path: Path) -> None:
    run = graph(SHAPES["independent"], tmp_path).run(1)

    assert 0 < run.agent_seconds <= run.makespan_s


def test_surplus_workers_of_a_chain_wait(tmp_path: Path) -> None:
    run = graph(SHAPES["chain"], tmp_path).run(5)

    assert run.waited_s > 0


def test_components_are_timed_before_the_first_run(tmp_path: Path) -> None:
    made = graph(SHAPES["independent"], tmp_path)

    assert made.component_s > 0
    assert made.component_cv >= 0


def test_a_component_waits_for_those_before_it(tmp_path: Path) -> None:
    shape = GraphShape.fork_join(4)

    assert (shape.first(), shape.waiting_on(0)) == ([0], [1, 2, 3, 4])


@given(width=st.integers(1, 8), layers=st.integers(1, 8))
def test_the_longest_chain_of_layers_is_their_number(width: int, layers: int) -> None:
    assert GraphShape.layered(width, layers).longest_chain == layers


@given(components=st.integers(1, 40))
def test_a_chain_cannot_run_in_parallel_and_independence_can(components: int) -> None:
    assert GraphShape.chain(components).parallelizable == 0
    assert GraphShape.independent(components).longest_chain == 1


def test_a_component_that_waits_for_a_later_one_is_refused() -> None:
    with pytest.raises(UsageError, match="earlier"):
        GraphShape(((1,), ()))


def test_a_graph_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="components"):
        GraphShape(())


def test_catalogued_graphs_differ_in_name_and_coordination() -> None:
    variants = [made.variant for made in task_graphs()]

    assert len({v.name for v in variants}) == len(variants)
    assert len({v.coordination_needs for v in variants}) >= 4
