import random

import pytest

from tests.fuzz.targets import TARGETS, seeds_of
from tests.hostile import damaged
from tests.thorough import sampled

INPUTS = sampled(250, whole=500)
"""For each target, in the ordinary run; `make fuzz` makes many more, led by coverage."""


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TARGETS))
def test_a_target_ends_well_on_its_seeds_and_on_damage(name: str) -> None:
    rng = random.Random(name)
    seeds = seeds_of(name)
    inputs = [b"", b"\0", *seeds]
    inputs += [damaged(rng, rng.choice(seeds)) for _ in range(INPUTS - len(inputs))]

    for data in inputs:
        TARGETS[name](data)  # an error of any kind fails this test
