import pytest

from toolkit.cli import run
from toolkit.cli.recommend.values import checked_context
from toolkit.errors import UsageError

COLUMNS = ["operation_type", "load_cpu", "components", "dependencies", "tokens"]
WORDS = {"operation_type": ("fileOperations", "shell")}


def read(**given: str) -> object:
    return checked_context(given, columns=COLUMNS, categories=WORDS)


@pytest.mark.parametrize(
    "given",
    [
        {"load_cpu": "80"},
        {"load_cpu": "-0.1"},
        {"load_cpu": "nan"},
        {"components": "inf"},
        {"components": "1e400"},
        {"components": "-5"},
        {"components": "0"},
        {"dependencies": "-1"},
        {"tokens": "many"},
        {"operation_type": "fileoperations"},
        {"cpu_corse": "8"},
    ],
)
def test_what_no_column_can_hold_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        read(**given)


def test_what_a_column_can_hold_is_read() -> None:
    given = {"load_cpu": "0.3", "dependencies": "0", "operation_type": "shell"}

    assert read(**given, tokens="-3") == {
        "tokens": -3.0,
        "load_cpu": 0.3,
        "dependencies": 0.0,
        "operation_type": "shell",
    }


@pytest.mark.parametrize(
    "words",
    [
        ["agents", "--components", "16", "--load-cpu", "80"],
        ["agents", "--components", "16", "--set", "cpu_corse=8"],
        ["batch", "--operation-type", "Read"],
    ],
)
def test_the_command_ends_with_2_and_says_what_is_known(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recommend", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_type_without_a_rule_is_answered_by_a_constant_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["recommend", "batch", "--operation-type", "web"]) == 0
    printed = capsys.readouterr().out

    assert "a constant: the specification has no size for `web`" in printed
    assert "a constant stands in" in printed
