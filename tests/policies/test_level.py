import numpy as np
import pytest

from toolkit.errors import SchemaError
from toolkit.policies import CostLevel

LEVEL = CostLevel(
    intercept=1.0,
    centre=(0.5, 2.0),
    slope=(2.0, -1.0),
    spread=(0.2, 0.5),
    deviation=0.3,
)


def test_a_level_is_a_linear_form() -> None:
    assert LEVEL.predict([1.0, 3.0]) == pytest.approx((1.0, 0.3))


def test_what_is_not_known_is_the_centre_and_widens() -> None:
    level, deviation = LEVEL.predict([np.nan, 2.0])

    assert level == pytest.approx(1.0)
    assert deviation == pytest.approx(0.5)


def test_a_level_survives_json() -> None:
    assert CostLevel.from_json(LEVEL.to_json()) == LEVEL


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(SchemaError, match="lengths"):
        CostLevel.from_json({**LEVEL.to_json(), "slope": [1.0]})
