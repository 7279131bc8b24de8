"""Claims about what a log can carry."""

from dataclasses import replace

import numpy as np
import pytest

from tests.metrics.off_policy.explored import explored_log
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.metrics.off_policy import (
    LoggedDecisions,
    OverlapLimits,
    check_overlap,
    overlap,
)

LIMITS = OverlapLimits()


def deterministic_log(*, target: int) -> LoggedDecisions:
    return LoggedDecisions(
        costs=np.ones(300),
        propensities=np.ones(300),
        target=np.full(300, float(target)),
        clusters=np.arange(300) // 5,
    )


def test_an_explored_action_passes() -> None:
    found = overlap(explored_log(np.random.default_rng(0)))

    check_overlap(found, LIMITS, policy="always 1")

    assert found.matched > LIMITS.matched


def test_a_deterministic_log_proves_nothing_about_another_action() -> None:
    found = overlap(deterministic_log(target=0))

    with pytest.raises(NotEnoughDataError, match="never took its action") as refusal:
        check_overlap(found, LIMITS, policy="always 12")

    assert refusal.value.exit_code == 5


def test_a_deterministic_log_tells_the_value_of_its_own_policy() -> None:
    found = overlap(deterministic_log(target=1))

    check_overlap(found, LIMITS, policy="rule")

    assert found.mean_weight == 1.0


def test_few_matches_are_refused_with_how_many_are_needed() -> None:
    found = overlap(explored_log(np.random.default_rng(0), rows=40))

    with pytest.raises(NotEnoughDataError, match="at least 12 needed"):
        check_overlap(found, LIMITS, policy="always 1")


def test_many_matches_in_few_sessions_are_refused() -> None:
    log = replace(
        explored_log(np.random.default_rng(0)), clusters=np.arange(600) // 120
    )

    with pytest.raises(NotEnoughDataError, match="clusters with a matching decision"):
        check_overlap(overlap(log), LIMITS, policy="always 1")


def test_a_policy_half_of_which_was_never_logged_is_refused() -> None:
    log = explored_log(np.random.default_rng(0), rows=3000)
    blind = np.arange(3000) % 2 == 0
    half = replace(log, target=np.where(blind, 0.0, log.target))

    with pytest.raises(NotEnoughDataError, match="no chance of being logged"):
        check_overlap(overlap(half), LIMITS, policy="always 1")


def test_decisions_on_which_two_policies_agree_do_not_count_for_their_difference() -> (
    None
):
    log = explored_log(np.random.default_rng(0))

    found = overlap(log, reference=log)

    assert found.matched == 0


def test_equal_weights_are_all_effective() -> None:
    found = overlap(deterministic_log(target=1))

    assert (found.effective_sample_size, found.effective_clusters) == (300, 60)


def test_a_reference_of_another_log_is_refused() -> None:
    with pytest.raises(UsageError, match="same decisions"):
        overlap(
            explored_log(np.random.default_rng(0)),
            reference=explored_log(np.random.default_rng(0), rows=10),
        )
