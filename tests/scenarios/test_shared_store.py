"""Many processes on one store at once."""

from pathlib import Path

import pytest

from tests.scenarios.shared_store import run_shared
from tests.thorough import sampled


@pytest.mark.slow
# Seven processes share a store for some seconds, and what they left is read.
@pytest.mark.timeout(180)
def test_nothing_is_lost_or_torn_while_all_use_one_store(tmp_path: Path) -> None:
    seconds = sampled(3, whole=8)
    found = run_shared(tmp_path, seconds=seconds, writers=4, compactors=2, readers=1)

    assert found["errors"] == []
    assert found["found"] == found["appended"] >= 4 * 15 * seconds
    assert found["compactions"] >= sampled(2, whole=6)
    assert found["looks"] >= sampled(1, whole=3)
