"""What the documentation tells people to type is what the command line takes."""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_pages import FOLDER, pages
from tests.shared import ROOT
from toolkit.cli import NOUNS, build_parser
from toolkit.errors import UsageError

PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")),
]
ELSEWHERE = {
    "docs/how-to/connect-a-framework.md": "`make adapters`, with the frameworks",
    "docs/how-to/keep-a-limit.md": "the test of constraints on the sample",
}
"""Pages whose programs other tests run."""
CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
WITH_CODE = [
    page
    for page in PAGES
    if CODE.search(page.read_text(encoding="utf-8"))
    and page.name != "README.md"  # test_door runs it, with a history
    and str(page.relative_to(ROOT)) not in ELSEWHERE
]
FIGURES = {
    "experiments/001-batch-size": (
        "guarded 1.02x [1.00, 1.04], rule 1.08x",
        "floor 1.05",
        "-6 % [-13, -1] against the rule",
    ),
    "experiments/002-agent-count": (
        "guarded 0.99x [0.96, 1.01], rule 2.41x",
        "floor 1.05",
        "-59 % [-66, -52] against the rule",
    ),
}
"""What the README says of each experiment: both beat the rule."""
LINE = re.compile(r"^(?:    |\$ )?(toolkit [a-z].*)$")
NAMED = re.compile(r"`(toolkit [a-z]+(?: [a-z][a-z-]*)?)(?=[ `])")


def _typed(page: Path) -> Iterator[tuple[int, str]]:
    """Yield the command lines of a page; those that show a choice are no command."""
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        found = LINE.match(line)
        if found and not re.search(r"\w\|\w|\.\.\.|·", found[1]):
            yield number, re.split(r"\s+#|\s[>|]\s|\s&&\s|\s\\$|;", found[1])[0]


def _ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_every_command_of_a_page_is_one(page: Path) -> None:
    parser = build_parser(list(NOUNS))
    wrong = []
    for number, line in _typed(page):
        try:
            parser.parse_args(shlex.split(line)[1:])
        except UsageError as error:
            wrong.append(f"line {number}: `{line}`: {error}")

    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_every_verb_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    wrong = [words for words in NAMED.findall(text) if not _is_verb(words.split()[1:])]

    assert wrong == []


def _is_verb(words: list[str]) -> bool:
    """Whether words lead to a noun, and to a verb of it where the noun has verbs."""
    if words[0] not in NOUNS:
        return False
    (verbs,) = _choices(build_parser([words[0]]))
    below = _choices(verbs[words[0]])
    return len(words) == 1 or not below or words[1] in below[0]


def _choices(
    parser: argparse.ArgumentParser,
) -> list[dict[str, argparse.ArgumentParser]]:
    """List the sub-commands of a parser, by name."""
    return [
        action.choices
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
    ]


@pytest.mark.slow
@pytest.mark.timeout(300)  # some pages train, and a busy machine gives them a tenth
@pytest.mark.parametrize("page", WITH_CODE, ids=_ids)
def test_the_programs_of_a_page_run(page: Path, tmp_path: Path) -> None:
    """All of a page's programs are one, in their order, as a reader would go on."""
    program = "\n".join(CODE.findall(page.read_text(encoding="utf-8")))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_the_pages_of_the_api_are_those_of_the_faces() -> None:
    """`python -m tests.api_pages` writes them; every public name has its docstring there."""
    written = {p.name: p.read_text(encoding="utf-8") for p in FOLDER.glob("*.md")}

    assert written == pages()


def test_the_readme_is_short_and_its_figures_are_those_of_the_runners() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 120
    assert len(text.split()) <= 700
    for folder, (guarded, floor, saved) in FIGURES.items():
        results = json.loads((ROOT / folder / "results.json").read_text("utf-8"))
        rows = {row["policy"]: row for row in results["policies"]}
        learned, rule = rows["guarded"], rows["rule"]
        assert guarded in text
        assert guarded == (
            f"guarded {learned['slowdown']:.2f}x [{learned['slowdown_low']:.2f}, "
            f"{learned['slowdown_high']:.2f}], rule {rule['slowdown']:.2f}x"
        )
        assert f"floor {results['evaluation']['noise_floor']:.2f}" == floor
        assert learned["verdict"] == "better"
        assert f"{floor}; {saved}" in text
        share, low, high = (
            f"{100 * learned[f'against_rule{end}']:.0f}"
            for end in ("", "_low", "_high")
        )
        assert saved == f"{share} % [{low}, {high}] against the rule"
    chaos = json.loads((ROOT / "experiments/004-chaos/results.json").read_text("utf-8"))
    engine = chaos["summary"]["engine"]["faults"]
    healed, claims = engine["healed_or_handed_over"], engine["claims_true"]
    assert f"| {healed['of']} faults that needed healing" in text
    assert f"| {healed['count']} healed or handed over, no task lost" in text
    assert f"{claims['count']} of {claims['of']} standing claims" in text
    assert f"lower bound {claims['low']:.1%})".replace("%", " %") in text
    assert engine["tasks_lost"] == 0
