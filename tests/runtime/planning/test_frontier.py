import math

import pytest

from toolkit.runtime.planning import ExpectedPerformance
from toolkit.runtime.planning.frontier import time_money_frontier
from toolkit.runtime.planning.performance import expected_performance


def option(
    agents: int, makespan_s: float, *, price_exponent: float | None = 0.5
) -> ExpectedPerformance:
    w = price_exponent or 0.0
    log_cost = math.log(makespan_s) + w * math.log(agents)
    return expected_performance(
        agents=agents,
        log_cost=(log_cost, log_cost - 0.1, log_cost + 0.1),
        cost_unit="",
        price_exponent=price_exponent,
        components=10,
        price_per_agent_s=2.0,
        level=0.9,
        support=10.0,
    )


def test_an_option_beaten_in_time_and_money_is_left_out() -> None:
    found = time_money_frontier([option(1, 100), option(4, 40), option(8, 45)])

    assert [each.agents for each in found] == [4, 1]


def test_two_equal_options_are_one() -> None:
    found = time_money_frontier([option(4, 40), option(2, 81), option(4, 40)])

    assert [each.agents for each in found] == [4]


def test_options_of_unknown_time_are_left_out() -> None:
    assert time_money_frontier([option(2, 10, price_exponent=None)]) == ()


@pytest.mark.parametrize("w", [0.0, 0.3, 1.0])
def test_time_and_money_multiply_to_the_cost(w: float) -> None:
    expected = option(6, 50, price_exponent=w)
    assert expected.makespan_s is not None
    assert expected.agent_seconds is not None
    time, money = expected.makespan_s.expected, expected.agent_seconds.expected

    assert time ** (1 - w) * money**w == pytest.approx(expected.cost.expected)


def test_the_interval_of_time_is_that_of_the_cost() -> None:
    expected = option(6, 50)
    assert expected.makespan_s is not None

    assert expected.makespan_s.high == pytest.approx(50 * math.exp(0.1))


def test_the_price_is_agent_seconds_at_their_price() -> None:
    expected = option(6, 50)
    assert expected.price is not None

    assert expected.price.expected == pytest.approx(6 * 50 * 2.0)


def test_the_rate_turns_the_bounds_of_the_time_around() -> None:
    rate = option(1, 60).tasks_per_minute
    assert rate is not None

    assert rate.expected == pytest.approx(10.0)
    assert rate.low < rate.expected < rate.high


def test_a_slower_run_scales_time_and_money_and_cost_alike() -> None:
    slow = option(4, 40).scaled(2.0)
    assert slow.makespan_s is not None
    assert slow.agent_seconds is not None

    assert slow.makespan_s.expected == pytest.approx(80)
    assert slow.agent_seconds.expected == pytest.approx(320)
    assert slow.cost.expected == pytest.approx(160)
