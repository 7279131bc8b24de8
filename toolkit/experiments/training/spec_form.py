"""The text of a specification to begin with, written from its declaration."""

import json
from collections.abc import Iterator
from typing import Any

from toolkit.experiments.training.spec import spec_schema

__all__ = ["SCHEMA_NAME", "spec_text"]

SCHEMA_NAME = "spec.schema.json"


def spec_text(name: str, *, decision: str, question: str) -> str:
    """Write a specification with every field, its default and what it means.

    Parameters
    ----------
    name, decision, question : str
        As of `ExperimentSpec`; the exported model gets the same name.

    Returns
    -------
    str
        TOML.
    """
    given = {
        "name": name,
        "decision": decision,
        "question": question,
        "bundle.name": name,
    }
    lines = [
        f"#:schema {SCHEMA_NAME}",
        "# Fields that are left out have the value that stands here.",
    ]
    section = ""
    for place, declared in _places():
        head, _, _ = place.rpartition(".")
        if head != section:
            section = head
            lines += ["", f"[{section}]"]
        value = json.dumps(
            given.get(place, declared.get("default")), ensure_ascii=False
        )
        lines += [
            f"# {declared['description']}",
            f"{place.rpartition('.')[2]} = {value}",
        ]
    return "\n".join(lines) + "\n"


def _places() -> Iterator[tuple[str, dict[str, Any]]]:
    """List every field with its part of the JSON Schema, those of no section first."""
    schema = spec_schema()
    sections = {
        name: schema["$defs"][declared["$ref"].rpartition("/")[2]]
        for name, declared in schema["properties"].items()
        if "$ref" in declared
    }
    for name, declared in schema["properties"].items():
        if name not in sections:
            yield name, declared
    for section, part in sections.items():
        for name, declared in part["properties"].items():
            yield f"{section}.{name}", declared
