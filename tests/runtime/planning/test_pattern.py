from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.records import Spool
from toolkit.runtime.planning import read_patterns
from toolkit.runtime.planning.pattern import Pattern


def test_rows_that_are_no_patterns_are_passed_over(tmp_path: Path) -> None:
    good = Pattern(operation_type="shell", batches=3, mean_size=4, cost_s=0.5)
    rows = [
        good.to_json(),
        {**good.to_json(), "cost_s": None},
        {**good.to_json(), "batches": 0},
        {"operation_type": "shell"},
        {**good.to_json(), "mean_size": "many"},
    ]
    Spool(tmp_path / "patterns").append_all(rows)

    assert read_patterns(tmp_path) == [good]


def test_a_pattern_without_a_cost_is_refused() -> None:
    with pytest.raises(UsageError, match="cost_s"):
        Pattern(operation_type="shell", batches=3, mean_size=4, cost_s=0.0)
