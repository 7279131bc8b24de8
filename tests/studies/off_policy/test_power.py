"""Claims about the gate's errors and its power, by simulation."""

import numpy as np
import pytest

from toolkit.errors import UsageError
from toolkit.experiments.promotion import GateRules
from toolkit.experiments.tables import FullFactorial
from toolkit.studies.off_policy.power import (
    GateWorld,
    drawn_from_table,
    gate_rate,
    promoted_limit,
    records_needed,
)
from toolkit.studies.off_policy.simulation import learned_elsewhere

QUICK = GateRules(replicates=300)


@pytest.mark.slow
@pytest.mark.parametrize(("records", "groups"), [(48, 6), (96, 12), (384, 48)])
def test_equal_policies_are_seldom_promoted(records: int, groups: int) -> None:
    worlds = 1000

    rate = gate_rate(
        "A/A",
        GateWorld(records=records, groups=groups).draw,
        worlds=worlds,
        rng=np.random.default_rng(1),
        rules=QUICK,
    )

    assert rate.promoted <= promoted_limit(worlds, QUICK.error_rate)


def test_equal_policies_with_the_errors_of_a_table_are_seldom_promoted() -> None:
    worlds = 300
    table = FullFactorial.synthetic(np.random.default_rng(0))

    rate = gate_rate(
        "A/A",
        drawn_from_table(table, learned_elsewhere(table), groups=10),
        worlds=worlds,
        rng=np.random.default_rng(2),
        rules=QUICK,
    )

    assert rate.promoted <= promoted_limit(worlds, QUICK.error_rate)


def test_power_grows_with_the_gain_and_with_the_records() -> None:
    shares = {
        (gain, records): gate_rate(
            "power",
            GateWorld(records=records, groups=records // 8, gain=gain).draw,
            worlds=100,
            rng=np.random.default_rng(3),
            rules=QUICK,
        ).share_promoted
        for gain in (0.05, 0.2)
        for records in (48, 384)
    }

    assert shares[0.05, 48] < shares[0.05, 384] < shares[0.2, 384]
    assert shares[0.05, 48] < shares[0.2, 48] < shares[0.2, 384]


def test_answers_are_counted_once_each() -> None:
    rate = gate_rate(
        "plain",
        GateWorld(records=48, groups=6).draw,
        worlds=30,
        rng=np.random.default_rng(0),
        rules=QUICK,
    )

    assert rate.promoted + rate.refused + rate.not_enough_data == rate.worlds


def test_a_dip_of_the_curve_is_not_yet_enough() -> None:
    assert records_needed({24: 0.9, 48: 0.7, 96: 0.95}, 0.8) == 96


def test_a_world_needs_a_record_for_each_group() -> None:
    with pytest.raises(UsageError, match="a record for each"):
        GateWorld(records=5, groups=6).draw(np.random.default_rng(0))
