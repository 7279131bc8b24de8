from dataclasses import replace
from itertools import groupby

import pytest

from toolkit.errors import UsageError
from toolkit.measurement import default_design, quick_design
from toolkit.measurement.design import Cell, Design

DESIGN = Design(
    seed=4,
    repeats=3,
    batch_groups=["files-a", "tasks-b"],
    graph_groups=["graph-c"],
    sizes=(1, 4, 9),
    spawn_sizes=(1, 2),
    workers=(1, 2, 3),
    operations=20,
    spawn_operations=10,
)


def cells(design: Design) -> list[Cell]:
    return [c for _, blocks in design.rounds() for block in blocks for c in block]


def test_every_action_is_tried_in_every_context_of_every_repeat() -> None:
    expected = {
        Cell(repeat=r, load=load.name, group=group, action=action).key
        for r in range(3)
        for load in DESIGN.loads
        for group in ("files-a", "tasks-b", "graph-c")
        for action in DESIGN.actions(group)
    }

    assert sorted(cell.key for cell in cells(DESIGN)) == sorted(expected)


def test_the_number_of_cells_is_known_beforehand() -> None:
    assert DESIGN.cells == len(cells(DESIGN))


def test_a_block_holds_one_context_of_one_repeat() -> None:
    blocks = [block for _, blocks in DESIGN.rounds() for block in blocks]

    assert all(len({(c.context, c.repeat) for c in block}) == 1 for block in blocks)


def test_the_order_of_actions_differs_between_blocks() -> None:
    orders = {
        tuple(c.action for c in block)
        for _, blocks in default_design(seed=1, repeats=3).rounds()
        for block in blocks
    }

    assert len(orders) > 100


def test_load_levels_come_in_another_order_in_another_repeat() -> None:
    names = [load.name for load, _ in replace(DESIGN, repeats=6).rounds()]
    orders = {tuple(names[n : n + 3]) for n in range(0, len(names), 3)}

    assert len(orders) > 1


def test_the_same_seed_draws_the_same_order() -> None:
    assert cells(DESIGN) == cells(replace(DESIGN))


def test_another_seed_draws_another_order() -> None:
    assert cells(DESIGN) != cells(replace(DESIGN, seed=5))


def test_the_same_operations_fail_whatever_the_action() -> None:
    by_repeat = groupby(
        sorted(cells(DESIGN), key=lambda c: (c.context, c.repeat)),
        key=lambda c: (c.context, c.repeat),
    )

    assert all(
        len({frozenset(DESIGN.failing(c, 0.3)) for c in same}) == 1
        for _, same in by_repeat
    )


@pytest.mark.parametrize("failure_rate", [0.0, 0.1, 0.25])
def test_exactly_the_stated_share_fails_over_the_repeats(failure_rate: float) -> None:
    own = [
        number
        for repeat in range(3)
        for number in DESIGN.failing(
            Cell(repeat=repeat, load="idle", group="files-a", action=1), failure_rate
        )
        if number < DESIGN.operations
    ]

    assert len(own) == round(failure_rate * 3 * DESIGN.operations)


def test_a_design_without_repeats_is_refused() -> None:
    with pytest.raises(UsageError, match="repeats"):
        replace(DESIGN, repeats=0)


def test_a_design_without_workloads_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to measure"):
        replace(DESIGN, batch_groups=[], graph_groups=[])


def test_the_default_has_enough_groups_to_hold_some_out() -> None:
    design = default_design(seed=1, repeats=3)

    assert (len(design.batch_groups) >= 12, len(design.graph_groups) >= 8) == (
        True,
        True,
    )


def test_the_quick_design_is_much_smaller() -> None:
    quick, whole = quick_design(seed=1, repeats=3), default_design(seed=1, repeats=3)

    assert quick.cells * 10 < whole.cells
