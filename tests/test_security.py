"""What SECURITY.md promises in figures, and the tests and commands that it names."""

import importlib.util
import re

import pytest

from tests.shared import ROOT
from toolkit.bundle import ACTION_BOUNDS, graph_check, graph_wire, reader, tree_check
from toolkit.bundle.signing_key import KEY_BYTES
from toolkit.history.importers.lines import MAX_LINE_BYTES
from toolkit.history.importers.table.rows import MOST_UNPACKED_BYTES
from toolkit.history.sharing import DIRECTORY_MODES, FILE_MODES, KEY_MODES, Access

TEXT = " ".join((ROOT / "SECURITY.md").read_text(encoding="utf-8").split())

SIZES, AGENTS = (ACTION_BOUNDS[name] for name in ("batch_size", "agent_count"))
PROMISES = [
    f"never a pipe or a device, {reader.MAX_BUNDLE_BYTES >> 20} MB together",
    f"({SIZES[0]} to {SIZES[1]} operations, {AGENTS[0]} to {AGENTS[1]} agents)",
    f"more than {graph_wire.MAX_FIELDS:,} of the others",
    f"bounded apart ({graph_check.MAX_STORED_ELEMENTS:,} numbers",
    f"the nodes of all trees ({tree_check.MAX_TREE_NODES:,}",
    f"The first evaluation is ended after {reader.FIRST_LIMIT_S:.0f} s",
    f"a team's key ({KEY_BYTES} bytes",
    f"A line is read up to {MAX_LINE_BYTES >> 20} MiB",
    f"holds more than {MOST_UNPACKED_BYTES >> 30} GiB",
    f"read by its group ({KEY_MODES[Access.WRITE]:04o})",
    *(
        f"| `{access}` | {DIRECTORY_MODES[access]:04o}, {FILE_MODES[access]:04o}"
        for access in Access
    ),
]
"""Sentences with the figures of the code."""


@pytest.mark.parametrize("promise", PROMISES)
def test_a_promise_has_the_figure_of_the_code(promise: str) -> None:
    assert promise in TEXT


def test_every_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"tests/[\w/]*\w(?:\.py)?", TEXT))
    files = {path.name for path in (ROOT / "tests").rglob("test_*.py")}

    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert set(re.findall(r"\btest_\w+\.py", TEXT)) <= files


def test_every_long_run_that_is_named_is_a_program() -> None:
    programs = set(re.findall(r"python -m (tests[\w.]*\w)", TEXT))

    assert {"tests.bundle", "tests.faults", "tests.cli.odd_states"} <= programs
    assert all(importlib.util.find_spec(name) for name in programs)
