"""What the public functions of the package document, counted from their source.

Counted are the functions that a room's face lists and the public methods of the classes
that one lists, each once; properties and overloads are left out, dunder methods too.
A function with parameters (`self` and `cls` apart) needs `Parameters`; one annotated
with a value needs `Returns` or `Yields`; one that raises an error of ours in its own
body needs `Raises`. A method that fulfils a contract (a base class of the package, or a
protocol all of whose methods its class has) is documented where the contract's is, if
both take the same parameters.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

from tests.shared import ROOT

__all__ = ["SECTIONS", "Function", "public_functions"]

PACKAGE = ROOT / "toolkit"
SECTIONS = ("Parameters", "Returns", "Raises")
FLAGS = re.MULTILINE | re.DOTALL
Def = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Function:
    """A public function or method.

    Attributes
    ----------
    where : str
        `path:line name`, for a message.
    needs, has : frozenset of str
        Of `SECTIONS`: what its source asks for, what its docstring holds.
    undocumented, unknown : frozenset of str
        Parameters that its own section leaves out, and names in it that are none.
    """

    where: str
    needs: frozenset[str]
    has: frozenset[str]
    undocumented: frozenset[str]
    unknown: frozenset[str]


def public_functions() -> list[Function]:
    """Find every public function of the package.

    Returns
    -------
    list of Function
        In the order of the rooms' paths.
    """
    found: dict[str, Function] = {}
    for stub in sorted(PACKAGE.rglob("__init__.pyi")):
        for module, name in sorted(_listed(stub)):
            for function in _functions_of(module, name):
                found.setdefault(function.where, function)
    return list(found.values())


def _listed(stub: Path) -> Iterator[tuple[Path, str]]:
    """Find the module that defines each name of a face."""
    face = import_module(".".join(stub.parent.relative_to(ROOT).parts))
    for name in face.__all__:
        home = getattr(getattr(face, name), "__module__", None) or ""
        if home.startswith("toolkit."):
            yield Path(str(sys.modules[home].__file__)), name


def _functions_of(module: Path, name: str) -> Iterator[Function]:
    for node in _tree(module).body:
        if isinstance(node, Def) and node.name == name:
            yield _function(module, node.name, node, frozenset())
        elif isinstance(node, ast.ClassDef) and node.name == name:
            for method in _methods(node):
                known = _documented_above(node, method)
                yield _function(module, f"{name}.{method.name}", method, known)


def _function(module: Path, name: str, node: Def, known: frozenset[str]) -> Function:
    where = f"{module.relative_to(ROOT)}:{node.lineno} {name}"
    own = _sections(node)
    named = _documented_parameters(node)
    taken = {name for name in _parameters(node) if not name.startswith("_")}
    return Function(
        where,
        _needs(node),
        own | known,
        undocumented=frozenset(taken - named if "Parameters" in own else ()),
        unknown=frozenset(named - set(_parameters(node))),
    )


def _documented_parameters(node: Def) -> set[str]:
    """Read the names that a `Parameters` section describes."""
    text = ast.get_docstring(node) or ""
    found = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[^\n]*\n-{4,}$|\Z)", text, FLAGS)
    heads = [] if found is None else re.findall(r"^[^\s].*", found[1], re.MULTILINE)
    return {
        name.strip(" *")
        for head in heads
        for name in head.partition(" : ")[0].split(",")
    }


@cache
def _tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


@cache
def _classes() -> dict[str, ast.ClassDef]:
    """Find the public classes of the package; their names are unique."""
    return {
        node.name: node
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in _tree(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }


@cache
def _errors() -> frozenset[str]:
    """Find the errors of ours: `toolkit.errors`, and what derives from them."""
    ours = {
        node.name
        for node in _tree(PACKAGE / "errors.py").body
        if isinstance(node, ast.ClassDef)
    }
    derived = {
        name for name, node in _classes().items() if not ours.isdisjoint(_bases(node))
    }
    return frozenset(ours | derived)


@cache
def _bases(node: ast.ClassDef) -> list[str]:
    return [ast.unparse(base).partition("[")[0] for base in node.bases]


@cache
def _methods(node: ast.ClassDef) -> list[Def]:
    left_out = {"property", "cached_property", "overload"}
    return [
        item
        for item in node.body
        if isinstance(item, Def)
        and not item.name.startswith("_")
        and left_out.isdisjoint(_decorators(item))
    ]


def _decorators(node: Def) -> list[str]:
    return [ast.unparse(item).split(".")[-1] for item in node.decorator_list]


def _parameters(node: Def) -> tuple[str, ...]:
    given = node.args
    names = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    names += [extra for extra in (given.vararg, given.kwarg) if extra is not None]
    return tuple(item.arg for item in names if item.arg not in {"self", "cls"})


def _needs(node: Def) -> frozenset[str]:
    value = "None" if node.returns is None else ast.unparse(node.returns)
    needed = {
        "Parameters": bool(_parameters(node)),
        "Returns": value not in {"None", "NoReturn", "Never"},
        "Raises": any(_raises_ours(inner) for inner in _own_nodes(node)),
    }
    return frozenset(section for section, needs in needed.items() if needs)


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a function's body, but not the functions and classes inside it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Def | ast.ClassDef | ast.Lambda):
            yield child
            yield from _own_nodes(child)


def _raises_ours(node: ast.AST) -> bool:
    """Whether it is `raise Ours(...)` or `raise Ours.named(...)`."""
    if not isinstance(node, ast.Raise) or node.exc is None:
        return False
    return re.split(r"[.(]", ast.unparse(node.exc))[0] in _errors()


def _sections(node: Def) -> frozenset[str]:
    text = ast.get_docstring(node) or ""
    titles = set(re.findall(r"^(\w+)\n-{4,}$", text, re.MULTILINE))
    return frozenset(titles | ({"Returns"} if "Yields" in titles else set()))


def _documented_above(node: ast.ClassDef, method: Def) -> frozenset[str]:
    """Collect the sections that the contracts of a class hold for a method."""
    return frozenset[str]().union(
        *(
            _sections(declared)
            for contract in _contracts(node)
            for declared in _methods(contract)
            if declared.name == method.name
            and _parameters(declared) == _parameters(method)
        ),
    )


def _contracts(node: ast.ClassDef) -> Iterator[ast.ClassDef]:
    has = {item.name for item in node.body if isinstance(item, Def)}
    for name, other in _classes().items():
        if other is node:
            continue
        if name in _bases(node):
            yield other
            yield from _contracts(other)
        elif "Protocol" in _bases(other):
            asked = {item.name for item in _methods(other)}
            if asked and asked <= has:
                yield other
