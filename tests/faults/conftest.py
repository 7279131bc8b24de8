"""The process that runs trials, for the tests."""

from collections.abc import Iterator

import pytest

from tests.faults.asking import Trials, compiler, serving


@pytest.fixture(scope="package")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    """Start the process that runs trials; skip where there is no C compiler."""
    if compiler() is None:
        pytest.skip("the fault shim needs Linux and a C compiler")
    with serving(tmp_path_factory.mktemp("faults")) as started:
        yield started
