"""Claims about Student's t."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from toolkit.errors import UsageError
from toolkit.metrics import student_t_quantile
from toolkit.metrics.student_t import student_t_cdf

DEGREES = st.floats(0.5, 500)


@given(st.floats(-50, 50), DEGREES)
def test_the_distribution_function_equals_the_reference(
    value: float, degrees: float
) -> None:
    got = student_t_cdf(value, degrees)

    assert got == pytest.approx(float(stats.t.cdf(value, degrees)), abs=1e-8)


@given(st.floats(0.001, 0.999), DEGREES)
def test_the_quantile_undoes_the_distribution_function(
    probability: float, degrees: float
) -> None:
    value = student_t_quantile(probability, degrees)

    assert student_t_cdf(value, degrees) == pytest.approx(probability, abs=1e-8)


def test_many_degrees_of_freedom_are_the_normal_distribution() -> None:
    assert student_t_quantile(0.975, 1e8) == pytest.approx(1.959964, abs=1e-6)


@pytest.mark.parametrize("probability", [0.0, 1.0, np.nan])
def test_a_certain_probability_has_no_quantile(probability: float) -> None:
    with pytest.raises(UsageError, match=r"inside 0\.\.1"):
        student_t_quantile(probability, 5)


def test_degrees_of_freedom_must_be_positive() -> None:
    with pytest.raises(UsageError, match="above 0"):
        student_t_cdf(0.0, 0)
