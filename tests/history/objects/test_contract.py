"""The objects that the tests use do what the real ones do (`tests/engines`)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.history.objects.contract import CHECKS
from tests.history.objects.folder_objects import FolderObjects
from toolkit.history.objects.base import Objects


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_objects(check: Callable[[Objects, Path], None], tmp_path: Path) -> None:
    check(FolderObjects(tmp_path / "objects"), tmp_path)
