"""The house as it is: rooms, what each says of itself, and what it imports.

python -m tests.architecture      writes it into docs/explanation/rooms.md
"""

import ast
import tomllib

from tests.shared import ROOT

__all__ = ["PAGE", "drawn_house", "page_with"]

PAGE = ROOT / "docs" / "explanation" / "rooms.md"
BEGIN, END = "<!-- house: begin -->\n", "<!-- house: end -->\n"


def drawn_house() -> str:
    """Draw the layers of the import contract, top to bottom, with each room's imports."""
    lines = ["```text"]
    for layer in _layers():
        rooms = [name for name in layer if (ROOT / "toolkit" / name).is_dir()]
        for room in rooms:
            below = ", ".join(sorted(_imported(room) - {room})) or "nothing"
            lines.append(f"{room:<12} {_sentence(room)}")
            lines.append(f"{'':<12}   imports {below}")
        if rooms:
            lines.append("-" * 88)
    return "\n".join([*lines[:-1], "```\n"])


def page_with(house: str) -> str:
    """Put a drawn house where it stands on the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{house}{END}{after}"


def _layers() -> list[list[str]]:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        contracts = tomllib.load(stream)["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers")
    return [[name.strip() for name in layer.split("|")] for layer in layers]


def _sentence(room: str) -> str:
    face = ROOT / "toolkit" / room / "__init__.py"
    said = ast.get_docstring(ast.parse(face.read_text(encoding="utf-8"))) or ""
    return said.splitlines()[0].rstrip(".")


def _imported(room: str) -> set[str]:
    """Rooms that the modules of a room import, types included."""
    found = set()
    for path in sorted((ROOT / "toolkit" / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "toolkit."
            ):
                found.add(str(node.module).split(".")[1])
    return {name for name in found if (ROOT / "toolkit" / name).is_dir()}


def main() -> None:
    """Write the house into the page."""
    PAGE.write_text(page_with(drawn_house()), encoding="utf-8")


if __name__ == "__main__":
    main()
