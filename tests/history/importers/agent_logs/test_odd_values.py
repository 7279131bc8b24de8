"""No field of another type than expected ends the import of an agent's log."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import SEEDS
from toolkit.errors import InputDataError
from toolkit.history.importers import open_source

CLIENTS = ("atif", "codex", "copilot", "gemini", "opencode", "pi")

ODD: tuple[Any, ...] = ([], {}, [[]], "x", True, 10**400)
"""Values of other types; the number is larger than any float."""


class Sink:
    """Keeps nothing but the number of rows and of reasons."""

    def __init__(self) -> None:
        self.rows = self.reasons = 0

    def add_row(self, row: dict[str, Any]) -> None:
        self.rows += bool(row)

    def reject(self, line: int, reason: str) -> None:
        self.reasons += bool(line and reason)

    def pass_over(self, kind: str, count: int = 1) -> None: ...

    def met(self, noun: str, identity: str) -> None: ...

    def read(self, lines: int) -> None: ...

    def hidden(self, name: str) -> str:
        return f"{len(name)}"


def places(value: Any, inside: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to each value inside another."""
    if inside:
        yield inside
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*inside, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from places(item, (*inside, number))


def changed(written: str, place: tuple[Any, ...], odd: object) -> str:
    """Write a value with another one at a place."""
    value = json.loads(written)
    *outer, last = place
    within = value
    for key in outer:
        within = within[key]
    within[last] = odd
    return json.dumps(value)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_value_of_another_type_is_passed_over_or_refused(
    client: str, tmp_path: Path
) -> None:
    name, data = SEEDS[client]
    source, path, sink = open_source(client), tmp_path / name, Sink()
    written = data.decode().splitlines()

    for number, line in enumerate(written):
        for place in places(json.loads(line)):
            for odd in ODD:
                others = [*written]
                others[number] = changed(line, place, odd)
                path.write_text("\n".join(others))
                with suppress(InputDataError):
                    source.read(path, sink)  # type: ignore[arg-type]  # no records

    assert sink.rows
