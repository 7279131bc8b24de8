"""Text from outside steers nothing: terminal, Markdown, HTML and CSV, for any text."""

import ast
import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bundle_factory import manifest_of
from tests.records.records import a_batch
from toolkit.bundle import Column
from toolkit.cli.output import (
    print_error,
    print_json,
    print_note,
    print_table,
    print_text,
)
from toolkit.errors import SchemaError
from toolkit.escaping import (
    code,
    csv_text,
    html_text,
    is_plain,
    markdown,
    printable,
)
from toolkit.export.card import model_card

CLI = Path(__file__).resolve().parents[1] / "toolkit" / "cli"
STEERING = "\x1b]0;title\x07\x9b31m\r\n# forged\u202e\u2028|x|\u200b\x7f\ud800=1+1"

texts = st.text(st.characters(), max_size=40) | st.sampled_from(
    ["=cmd|' /C calc'!A0", "@SUM(1)", "-2+3", "+1", "# h", "<script>", STEERING]
)


@given(texts)
def test_printable_is_plain_and_leaves_plain_text_alone(text: str) -> None:
    shown = printable(text)

    assert is_plain(shown)
    assert not is_plain(text) or shown == text


@given(texts)
def test_what_is_printable_to_python_is_what_is_plain(text: str) -> None:
    assert not is_plain(text) or all(c.isprintable() or c.isspace() for c in text)


@given(texts)
def test_markdown_stays_on_its_line_in_its_cell_and_opens_nothing(text: str) -> None:
    shown = markdown(text).replace("\\\\", "")

    assert "\n" not in shown
    assert all(shown.count(c) == shown.count(f"\\{c}") for c in "#|<>[]`*")


@given(texts)
def test_code_does_not_leave_its_backticks(text: str) -> None:
    assert "`" not in code(text)
    assert is_plain(code(text))


@given(texts)
def test_html_holds_no_markup(text: str) -> None:
    assert not set("<>\"'") & set(html_text(text))
    assert is_plain(html_text(text))


@given(texts)
def test_csv_comes_back_as_text_that_is_no_formula(text: str) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerow([csv_text(text)])
    (back,) = next(csv.reader([stream.getvalue().rstrip("\r\n")]))

    assert not back.startswith(("=", "@", "\t", "\r"))
    assert not back.startswith(("+", "-")) or back[1:2].isdigit()


@pytest.mark.parametrize("text", [STEERING, STEERING.encode("utf-16", "surrogatepass")])
def test_nothing_that_is_printed_steers_a_terminal(
    capsys: pytest.CaptureFixture[str], text: str | bytes
) -> None:
    given = str(text)
    print_text(given)
    print_note(given)
    print_error(given)
    print_json({"name": given, given: 1})
    print_table([given, "b"], [[given, 1], ["x", given]])

    out, err = capsys.readouterr()
    assert is_plain((out + err).replace("\n", ""))


def test_an_error_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("file `a\nb`\x1b[2J")

    assert capsys.readouterr().err == "toolkit: error: file `a\\nb`\\x1b[2J\n"


def test_a_table_keeps_its_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["a", "b"], [["x|y\nz", "w"]])

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert len({len(line) for line in lines}) == 1


def test_the_command_line_prints_through_one_function_alone() -> None:
    calls = [
        f"{path.name}:{node.lineno}"
        for path in CLI.rglob("*.py")
        if path.name != "output.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]

    assert calls == []


@settings(max_examples=30, deadline=None)
@given(texts)
def test_a_model_card_holds_no_heading_or_row_of_a_name(text: str) -> None:
    manifest = manifest_of()
    column = replace(Column(name="x"), name=text, about=text, unit=text)
    schema = replace(manifest.feature_schema, context=(column,))
    plain = model_card(manifest_of(feature_schema=schema), limits=["l"], worst=0.0)
    changed = manifest_of(
        name=text, cost_unit=text, feature_schema=schema, training={text: text}
    )

    card = model_card(changed, limits=[text], worst=0.0)

    assert card.count("\n") == plain.count("\n")
    assert card.count("\n#") == plain.count("\n#")
    assert "<script" not in re.sub("`[^`]*`", "", card).replace("\\<", "")
    assert is_plain(card.replace("\n", ""))


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "x\u202ey", "z\u2028", "\x7f"])
def test_a_record_holds_no_text_that_steers(text: str) -> None:
    for name in ("operation_type", "session_id", "agent_id", "policy"):
        with pytest.raises(SchemaError, match=name):
            a_batch(**{name: text})
