"""The API pages of the documentation, written from the faces: `python -m tests.api_pages`."""

import ast
import re
from pathlib import Path

from tests.shared import ROOT

__all__ = ["FOLDER", "pages"]

FOLDER = ROOT / "docs/reference/api"
PACKAGE = ROOT / "toolkit"
NAME = re.compile(r"^from \.([\w.]+) import (\w+) as \2$", re.MULTILINE)


def pages() -> dict[str, str]:
    """Write a page for each room, its parts in it: file name to Markdown."""
    faces: dict[str, list[str]] = {}
    for stub in sorted(PACKAGE.rglob("__init__.pyi")):
        parts = stub.parent.relative_to(ROOT).parts
        if len(parts) > 1:
            faces.setdefault(parts[1], []).append(_face(stub, ".".join(parts)))
    return {
        f"{room}.md": f"# {room}\n\n" + "\n".join(texts)
        for room, texts in faces.items()
    }


def _face(stub: Path, room: str) -> str:
    """List the names of one face, each to be documented from its docstring."""
    names = sorted(
        NAME.findall(stub.read_text(encoding="utf-8")),
        key=lambda found: found[1].lower(),
    )
    blocks = [
        f"::: {_home(f'{room}.{module}', name)}.{name}\n" for module, name in names
    ]
    return f"## `{room}`\n\n" + "\n".join(blocks)


def _home(module: str, name: str) -> str:
    """Follow a name to the module that defines it."""
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            brought = [one.asname or one.name for one in node.names]
            if name in brought:
                return _home(node.module, name)
    return module


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
