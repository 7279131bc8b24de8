"""A notebook is one test, and takes as long as all of its cells."""

from pathlib import Path

import pytest

LIMIT_S = 300
"""For one notebook; each fits or replays something on the bundled sample."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give notebooks their own limit, in place of the one of ordinary tests."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(LIMIT_S))
