"""The rules answer what the specification's own JavaScript answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.policies.rules import AgentCountRule, BatchSizeRule, EfficiencyScore
from toolkit.policies.rules.rounding import round_half_up

JAVASCRIPT: dict[str, Any] = json.loads(
    Path(__file__).with_name("javascript.json").read_text()
)


def test_batch_sizes_equal_the_javascript() -> None:
    rule = BatchSizeRule()

    answers = [
        rule.recommend(
            operation_type=kind, system_load=load, coordination_complexity=complexity
        ).batch_size
        for kind, load, complexity, _ in JAVASCRIPT["batch_size"]
    ]

    assert answers == [row[-1] for row in JAVASCRIPT["batch_size"]]


def test_agent_counts_and_ranges_equal_the_javascript() -> None:
    rule = AgentCountRule()

    answers = []
    for components, parallelizable, needs, *_ in JAVASCRIPT["agent_count"]:
        answer = rule.recommend(
            components=components,
            dependencies=components,
            parallelizable=parallelizable,
            coordination_needs=needs,
        )
        answers.append([answer.recommended, answer.minimum, answer.maximum])

    assert answers == [row[3:] for row in JAVASCRIPT["agent_count"]]


def test_a_task_that_says_nothing_equals_the_javascript() -> None:
    answer = AgentCountRule().recommend()

    assert [answer.recommended, answer.minimum, answer.maximum] == JAVASCRIPT[
        "agent_count_missing"
    ]


def test_efficiency_scores_equal_the_javascript_bit_for_bit() -> None:
    names = (
        "operation_frequency",
        "memory_consistency",
        "coordination_latency",
        "duplicate_work",
        "hook_compliance",
    )

    scores = [
        EfficiencyScore().score(**dict(zip(names, row[:5], strict=True)))
        for row in JAVASCRIPT["efficiency_score"]
    ]

    assert scores == [row[-1] for row in JAVASCRIPT["efficiency_score"]]


@pytest.mark.parametrize(("value", "rounded"), JAVASCRIPT["rounding"])
def test_a_half_rounds_up(value: float, rounded: int) -> None:
    assert round_half_up(value) == rounded
