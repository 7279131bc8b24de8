import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.policies.adaptation import CorrectionSettings, CostCorrection

costs = st.floats(5e-324, 1e308)


@given(st.lists(st.tuples(costs, costs), max_size=50))
def test_the_factor_is_above_zero_and_finite_whatever_is_observed(
    pairs: list[tuple[float, float]],
) -> None:
    correction = CostCorrection(CorrectionSettings(rate=1.0, every=1))
    for predicted, observed in pairs:
        correction.observe(
            predicted_cost=predicted, observed_cost=observed, operations=1
        )

    assert 0 < correction.factor < math.inf


def test_the_correction_moves_every_five_operations_by_its_rate() -> None:
    correction = CostCorrection(CorrectionSettings())

    moved = [
        correction.observe(predicted_cost=1.0, observed_cost=math.e, operations=2)
        for _ in range(3)
    ]

    assert moved == [False, False, True]
    assert correction.log_factor == pytest.approx(0.1)


def test_a_cost_of_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="above 0"):
        CostCorrection(CorrectionSettings()).observe(
            predicted_cost=1.0, observed_cost=0.0, operations=1
        )
