import numpy as np
import pytest

from toolkit.experiments.training.rungs import evidence_of

GROUPS = [f"g{n}" for n in range(24)]


def evidence(differences: np.ndarray, count: int = 24, **options: object):  # type: ignore[no-untyped-def]  # whatever the bound returns
    return evidence_of(
        differences[:count],
        GROUPS[:count],
        below="rule",
        level=0.95,
        seed=0,
        **options,  # type: ignore[arg-type]  # options of the bound
    )


GAINS = np.random.default_rng(0).normal(-0.3, 0.05, 24)


def test_a_clear_gain_over_enough_groups_is_shown() -> None:
    found = evidence(GAINS)

    assert found.shown
    assert found.groups == 24


@pytest.mark.parametrize("count", [0, 1, 7, 18])
def test_fewer_than_nineteen_groups_leave_the_bound_infinite(count: int) -> None:
    found = evidence(GAINS, count)

    assert found.upper == np.inf
    assert not found.shown


def test_a_stated_assumption_lets_six_groups_bound() -> None:
    found = evidence(GAINS, 6, assumes="normal")

    assert found.shown
    assert found.assumes == "normal"


def test_groups_without_a_differing_answer_are_no_comparisons() -> None:
    same = np.where(np.arange(24) < 10, GAINS, 0.0)

    assert evidence(same).groups == 10


def test_no_difference_at_all_shows_nothing() -> None:
    assert evidence(np.zeros(24)).difference is None


def test_an_observed_history_shows_nothing() -> None:
    assert not evidence(GAINS, observed=True).shown
