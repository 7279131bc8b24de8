"""Many processes on one store at once."""

from pathlib import Path

import pytest

from tests.scenarios.shared_store import run_shared


@pytest.mark.slow
# Seven processes share a store for eight seconds, and what they left is read.
@pytest.mark.timeout(180)
def test_nothing_is_lost_or_torn_while_all_use_one_store(tmp_path: Path) -> None:
    found = run_shared(tmp_path, seconds=8, writers=4, compactors=2, readers=1)

    assert found["errors"] == []
    assert found["found"] == found["appended"] >= 4 * 150
    assert found["compactions"] >= 6
    assert found["looks"] >= 3
