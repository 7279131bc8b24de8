"""Exit codes and durations are found wherever a client writes them into a result."""

import pytest

from toolkit.history.importers.agent_logs.results import exit_code, wall_time

CODES = [
    "Exit code: 3",
    "Exit Code 3",
    "Process exited with code 3",
    "<shellId: 0 completed with exit code 3>",
    '{"metadata":{"exit_code": 3}}',
]


@pytest.mark.parametrize("said", CODES)
@pytest.mark.parametrize("before", ["", "Chunk ID: 1\n", "\N{RIGHTWARDS ARROW}\n  "])
@pytest.mark.parametrize("after", ["", "\nOutput:\nexit"])
def test_an_exit_code_is_found_at_any_place(said: str, before: str, after: str) -> None:
    assert exit_code(before + said + after) == 3


def test_an_exit_code_inside_a_line_is_of_another_program() -> None:
    assert exit_code("it said Exit code: 3") is None
    assert exit_code("exit, or an exit: Exit code: 3\nExit code: 4") == 4


@pytest.mark.parametrize("before", ["", "Exit code: 0\n", "a Wall time: 9 seconds\n"])
@pytest.mark.parametrize("after", ["", "\nOutput:\nWall time: 7 seconds"])
def test_a_wall_time_is_found_at_the_beginning_of_a_line(
    before: str, after: str
) -> None:
    assert wall_time(f"{before}Wall time: 1.5 seconds{after}") == 1.5


def test_a_wall_time_is_found_in_what_a_client_writes_as_json() -> None:
    assert wall_time('{"output":"","duration_seconds": 2.5}') == 2.5
    assert wall_time('"duration_seconds": 2.5\nWall time: 1 seconds') == 2.5
    assert wall_time("no Wall time: 1 seconds") is None
