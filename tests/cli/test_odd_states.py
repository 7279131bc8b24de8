"""Commands in odd states: one message, the right exit code, and never a traceback.

The short form takes some cases; `python -m tests.cli.odd_states` takes all of them.
"""

import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from tests.cli.odd_commands import COMMANDS
from tests.cli.odd_paths import ENDLESS, commands, given_paths
from tests.cli.odd_states import (
    STATES,
    cases,
    files_of_a_store,
    make_template,
    tried,
    tried_on_a_pipe,
    tried_with,
    warm,
)
from tests.thorough import sampled

# The first of its tests makes a store, a study and bundles for all.
pytestmark = pytest.mark.timeout(180)

EVERY = sampled(4, whole=3)
QUICK = [name for name, command in COMMANDS.items() if not command.lasts][::EVERY]
SAMPLE = list(zip(QUICK, cycle(list(STATES)[1:]), strict=False))
"""Some of the commands that end soon, each with another state."""

ENDLESS_SAMPLE = [
    *[(n, p, "a pipe") for n, p in given_paths() if p in ("--map", "--spec", "spec")],
    *[
        (name, place, what)
        for (name, place), what in zip(given_paths(), cycle(ENDLESS), strict=False)
        if name in QUICK
    ][::EVERY],
]
"""Files that are read whole, and some paths of those commands."""


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    """A folder that another user may enter, with the files of the cases."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        warm()
        make_template(Path(folder) / "template")
        yield Path(folder)


def test_every_command_is_tried() -> None:
    assert sorted(commands()) == sorted(COMMANDS)
    assert {name for name, _ in cases()} == set(COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "state"), SAMPLE)
def test_a_command_in_an_odd_state_says_one_thing(
    name: str, state: str, scratch: Path
) -> None:
    ended = tried(name, state, scratch / "template", scratch)

    assert not ended.problem, ended


@pytest.mark.slow
@pytest.mark.parametrize(("name", "place", "what"), ENDLESS_SAMPLE)
def test_a_path_without_an_end_holds_up_no_command(
    name: str, place: str, what: str, scratch: Path
) -> None:
    make = ENDLESS[what]
    ended = tried_with(name, place, make, scratch / "template", scratch)

    assert not ended.problem, ended


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    sampled(
        ["records show"], whole=["records show", "records price", "records backup"]
    ),
)
def test_a_pipe_for_one_file_of_a_store_holds_up_no_command(
    name: str, scratch: Path
) -> None:
    template = scratch / "template"
    for file in files_of_a_store(template):
        ended = tried_on_a_pipe(name, file, template, scratch)

        assert not ended.problem, (file, ended)


@pytest.mark.slow
def test_a_mistyped_store_is_refused_and_not_created(scratch: Path) -> None:
    for name in ("records compact", "monitor", "features build"):
        ended = tried(name, "the store is missing", scratch / "template", scratch)

        assert not ended.problem, (name, ended)
