"""The faces of the rooms: what they list exists, and every other room enters by them."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from tests.shared import ROOT

PACKAGE = ROOT / "toolkit"
STUBS = sorted(PACKAGE.rglob("__init__.pyi"))
ROOMS = {".".join(stub.parent.relative_to(ROOT).parts) for stub in STUBS}
ROOMS.remove("toolkit")  # the door: what lies in it beside the rooms is no room's
IDS = [str(stub.parent.relative_to(PACKAGE)) for stub in STUBS]


def _room_of(module: str) -> str | None:
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        if ".".join(parts[:end]) in ROOMS:
            return ".".join(parts[:end])
    return None


def _module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _entered_past_the_face(path: Path) -> list[str]:
    module = _module_of(path)
    return [
        f"{module}:{node.lineno} imports {node.module}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for room in [_room_of(node.module)]
        if room is not None and room not in (node.module, _room_of(module))
    ]


@pytest.mark.parametrize("stub", STUBS, ids=IDS)
def test_every_listed_name_can_be_loaded(stub: Path) -> None:
    room = import_module(".".join(stub.parent.relative_to(ROOT).parts))

    assert all(getattr(room, name) is not None for name in room.__all__)


@pytest.mark.parametrize("stub", STUBS, ids=IDS)
def test_no_listed_name_is_that_of_a_module_beside_it(stub: Path) -> None:
    room = import_module(".".join(stub.parent.relative_to(ROOT).parts))
    beside = {path.stem for path in stub.parent.iterdir() if path.suffix != ".pyi"}

    # `toolkit.review` is a room that can be called as the function it is named for.
    assert not (beside & set(room.__all__)) - {"review"}


def test_a_name_that_is_not_listed_is_an_attribute_error() -> None:
    room = import_module("toolkit.stats")

    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        room.__getattr__("Nothing")


def test_rooms_are_entered_by_their_faces() -> None:
    past = [
        line
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in _entered_past_the_face(path)
    ]

    assert past == []
