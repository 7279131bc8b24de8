"""Servers that several tests of engines share."""

from collections.abc import Iterator

import pytest

from tests.engines.postgresql import PostgreSQL, running_postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A real PostgreSQL on the loopback; a test makes a database of its own in it."""
    with running_postgresql() as server:
        yield server
