"""The examples of the documentation, executed as they stand."""

import re
from typing import Any

from tests.shared import ROOT

PAGE = ROOT / "docs" / "how-to" / "connect-a-framework.md"


def run_example(heading: str) -> dict[str, Any]:
    """Execute the set-up and the block of one framework; give what they defined."""
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    section = next(part for part in parts if part.startswith(heading))
    names: dict[str, Any] = {"__name__": "documented"}
    for text in (parts[0], section):
        for code in re.findall(
            r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL
        ):
            exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102 - our own page
    return names


def batches(names: dict[str, Any]) -> list[tuple[int, int]]:
    """Size and successes of each batch that was kept."""
    kept = names["kept"].kept
    return [(row.size, row.succeeded) for row in kept if row.kind == "batch"]


def operations(names: dict[str, Any]) -> set[str]:
    """Operations of the coordination events that were kept."""
    return {row.operation for row in names["kept"].kept if row.kind == "coordination"}
