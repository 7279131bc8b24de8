from datetime import UTC, datetime

import pytest

from toolkit.measurement.report import Report, summarise_sweep
from toolkit.records import Batch, Provenance, Record, Workflow

AT = datetime(2026, 1, 5, tzinfo=UTC)


def batch(
    size: int, cycle_s: float, *, repeat: int = 0, succeeded: int | None = None
) -> Batch:
    return Batch(
        record_id=f"{size}-{cycle_s}-{repeat}-{succeeded}",
        at=AT,
        source="measure",
        provenance=Provenance.MEASURED,
        operation_type="todoWrite",
        size=size,
        session_id=f"r{repeat}",
        context_id="todos/idle",
        group_id="todos",
        cycle_s=cycle_s,
        succeeded=size if succeeded is None else succeeded,
        failed=0,
        cancelled=0,
    )


def run(agents: int, makespan_s: float, agent_seconds: float) -> Workflow:
    return Workflow(
        record_id=f"{agents}",
        at=AT,
        source="measure",
        provenance=Provenance.MEASURED,
        agents=agents,
        session_id="r0",
        context_id="graph/idle",
        group_id="graph",
        makespan_s=makespan_s,
        agent_seconds=agent_seconds,
    )


def report(*records: Record) -> Report:
    return summarise_sweep(records)


def test_a_cost_is_all_cycles_over_all_successes() -> None:
    (context,) = report(
        batch(1, 2.0), batch(4, 4.0), batch(4, 4.0, succeeded=0)
    ).contexts

    assert context.costs == {1: 2.0, 4: 2.0}


def test_a_size_that_never_succeeds_has_no_cost() -> None:
    (context,) = report(batch(1, 2.0), batch(4, 4.0, succeeded=0)).contexts

    assert (context.costs, context.best) == ({1: 2.0}, 1)


def test_a_context_in_which_nothing_succeeds_is_left_out() -> None:
    failed = report(batch(1, 2.0, succeeded=0), batch(4, 4.0, succeeded=0))

    assert failed.contexts == ()


def test_a_best_size_between_the_tried_ones_is_interior() -> None:
    (context,) = report(batch(1, 2.0), batch(4, 4.0), batch(8, 16.0)).contexts

    assert (context.best, context.interior) == (4, True)


@pytest.mark.parametrize(("edge", "cycle_s"), [(1, 0.1), (8, 0.1)])
def test_a_best_size_at_an_edge_is_not_interior(edge: int, cycle_s: float) -> None:
    others = [batch(size, 4.0 * size) for size in (1, 4, 8) if size != edge]
    (context,) = report(*others, batch(edge, cycle_s)).contexts

    assert (context.best, context.interior, context.beats_edges) == (edge, False, False)


def test_an_interior_best_that_loses_one_repeat_does_not_beat_the_edges_always() -> (
    None
):
    first = [batch(1, 2.0), batch(4, 4.0), batch(8, 16.0)]
    second = [
        batch(1, 1.0, repeat=1),
        batch(4, 5.0, repeat=1),
        batch(8, 16.0, repeat=1),
    ]
    (context,) = report(*first, *second).contexts

    assert (context.interior, context.beats_edges) == (True, False)


def test_noise_is_the_variation_between_repeats() -> None:
    (context,) = report(
        batch(1, 1.0), batch(1, 3.0, repeat=1), batch(2, 2.0), batch(2, 6.0, repeat=1)
    ).contexts

    assert context.noise == pytest.approx(0.5)


def test_a_level_that_a_whole_repeat_shares_is_no_noise_within_blocks() -> None:
    (context,) = report(
        batch(1, 1.0), batch(1, 3.0, repeat=1), batch(2, 4.0), batch(2, 12.0, repeat=1)
    ).contexts

    assert context.noise_within == pytest.approx(0.0, abs=1e-12)


def test_actions_that_change_places_are_noise_within_blocks() -> None:
    (context,) = report(
        batch(1, 1.0), batch(1, 3.0, repeat=1), batch(2, 6.0), batch(2, 2.0, repeat=1)
    ).contexts

    assert context.noise_within > 0.3


def test_a_workflow_is_judged_with_money_and_by_time_only() -> None:
    kinds = {
        c.kind: c.best for c in report(run(1, 4.0, 4.0), run(4, 3.0, 12.0)).contexts
    }

    assert kinds == {"workflow": 1, "workflow (time only)": 4}


def test_a_context_with_one_action_is_left_out() -> None:
    assert report(batch(4, 4.0)).contexts == ()


def test_the_table_counts_how_often_each_action_was_best() -> None:
    _, rows = report(batch(1, 2.0), batch(4, 4.0), batch(8, 16.0)).table()

    assert rows[0][:3] == ["todoWrite", "1", "1"]
    assert "4 x1" in rows[0]


def test_the_noise_floor_grades_the_best_of_one_half_on_the_other() -> None:
    even = [batch(1, 2.0), batch(4, 4.0)]
    odd = [batch(1, 1.0, repeat=1), batch(4, 8.0, repeat=1)]
    (context,) = report(*even, *odd).contexts

    assert context.floor == pytest.approx(2.0)


def test_one_repeat_has_no_noise_floor() -> None:
    (context,) = report(batch(1, 2.0), batch(4, 4.0)).contexts

    assert context.floor is None
