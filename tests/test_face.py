"""The faces of the rooms: what they list exists, and every other room enters by them."""

import ast
import importlib
import json
from importlib import import_module
from pathlib import Path

import pytest

from tests.shared import ROOT

PACKAGE = ROOT / "toolkit"
STUBS = sorted(PACKAGE.rglob("__init__.pyi"))
ROOMS = {".".join(stub.parent.relative_to(ROOT).parts) for stub in STUBS}
ROOMS.remove("toolkit")  # the door: what lies in it beside the rooms is no room's
MOST_NAMES = 550
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


def _outermost(module: str) -> str:
    """Name the room that a module is a part of, whatever rooms lie within it."""
    return ".".join(module.split(".")[:2])


def _entered_past_the_face(path: Path) -> list[str]:
    module = _module_of(path)
    return [
        f"{module}:{node.lineno} imports {node.module}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for room in [_room_of(node.module)]
        if room is not None and room != node.module
        if _outermost(room) != _outermost(module)
    ]


def _public_names(*kinds: type[ast.stmt]) -> list[tuple[str, str]]:
    """Pair each public name of these kinds with the module that defines it.

    A class is public where no underscore leads it; a function where its module's
    `__all__` lists it.
    """
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        listed = {
            name
            for node in tree.body
            if isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "__all__"
            for name in ast.literal_eval(node.value)
        }
        for node in tree.body:
            if isinstance(node, kinds):
                name: str = node.name  # type: ignore[attr-defined]  # a definition
                is_class = isinstance(node, ast.ClassDef)
                if not name.startswith("_") and (is_class or name in listed):
                    found.append((name, _module_of(path)))
    return found


def _shared(names: list[tuple[str, str]]) -> dict[str, list[str]]:
    homes: dict[str, list[str]] = {}
    for name, module in names:
        homes.setdefault(name, []).append(module)
    return {name: modules for name, modules in homes.items() if len(modules) > 1}


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


def test_a_public_class_has_its_name_alone() -> None:
    assert _shared(_public_names(ast.ClassDef)) == {}


def test_a_public_function_has_its_name_alone() -> None:
    """Public is what a module lists; the command line's modules share their entry."""
    names = _public_names(ast.FunctionDef, ast.AsyncFunctionDef)
    entries = {"add_parser", "add_verb", "main"}

    assert {n: at for n, at in _shared(names).items() if n not in entries} == {}


def test_a_name_on_two_faces_is_one_thing() -> None:
    homes: dict[str, set[int]] = {}
    for room in ["toolkit", *sorted(ROOMS)]:
        face = import_module(room)
        for name in face.__all__:
            homes.setdefault(name, set()).add(id(getattr(face, name)))

    # `toolkit.review` is a room that can be called as the function it is named for.
    assert {n for n, things in homes.items() if len(things) > 1} <= {"review"}


def test_the_faces_together_list_few_names() -> None:
    """A ceiling: raise it for a name that another room needs, and for no other."""
    names = {name for room in sorted(ROOMS) for name in import_module(room).__all__}

    assert len(names) <= MOST_NAMES


def test_a_name_that_is_not_listed_is_an_attribute_error() -> None:
    room = import_module("toolkit.stats")

    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        room.__getattr__("Nothing")


def test_rooms_are_entered_by_their_faces() -> None:
    """From other rooms; within a room, its parts may import each other's modules."""
    past = [
        line
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in _entered_past_the_face(path)
    ]

    assert past == []


def test_notebooks_import_only_what_a_face_offers() -> None:
    """Notebooks run last; what they import is looked at with the faces."""
    missing = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] != "code":
                continue
            source = "".join(x for x in cell["source"] if not x.startswith("%"))
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.ImportFrom) and node.module:
                    room = importlib.import_module(node.module)
                    names = [one.name for one in node.names]
                    missing += [(path.name, n) for n in names if not hasattr(room, n)]

    assert missing == []
