import random

import pytest

from tests.fuzz.targets import TARGETS, seeds_of
from tests.hostile import damaged


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_target_ends_well_on_its_seeds_and_on_damage(name: str) -> None:
    rng = random.Random(name)
    inputs = [b"", b"\0", *seeds_of(name)]
    inputs += [damaged(rng, seed) for seed in seeds_of(name) for _ in range(20)]

    for data in inputs:
        TARGETS[name](data)  # an error of any kind fails this test
