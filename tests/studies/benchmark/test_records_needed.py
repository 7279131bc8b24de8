"""Records until a learned answer is shown to be better."""

from pathlib import Path

import pytest

from tests.experiments.decision_tables import table
from toolkit.models import Stack
from toolkit.models.members import RelativeQuadratic
from toolkit.studies.benchmark import sample_efficiency
from toolkit.studies.benchmark.records_needed import SampleEfficiency, _from_then_on

LIGHT = Stack(seed=0, members=(("quadratic", RelativeQuadratic()),))


def found(folder: Path, *, groups: int, problems: int = 6) -> SampleEfficiency:
    made = table(folder, cost="time", groups=groups, problems=problems)
    return sample_efficiency(made, LIGHT, seed=0, progress=lambda _: None)


@pytest.mark.slow
def test_a_table_with_a_law_needs_few_records_to_beat_the_rule(tmp_path: Path) -> None:
    reached = found(tmp_path, groups=8, problems=8).better_than_rule

    assert reached is not None
    assert reached <= 96


def test_four_groups_can_show_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, groups=4).better_than_rule is None


def test_more_records_than_there_are_are_not_graded(tmp_path: Path) -> None:
    small = found(tmp_path, groups=5, problems=3)

    assert max(small.slowdowns) <= 96


@pytest.mark.parametrize(
    ("shown", "reached"), [([24, 96], 96), ([48, 96], 48), ([24, 48], None), ([], None)]
)
def test_a_gain_counts_from_where_it_lasts(
    shown: list[int], reached: int | None
) -> None:
    assert _from_then_on([24, 48, 96], shown) == reached


def test_what_is_not_reached_says_so(tmp_path: Path) -> None:
    assert found(tmp_path, groups=4).to_json()["better_than_rule"] == "not reached"
