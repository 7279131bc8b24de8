import base64
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.review.reviewed import Talk, review_of
from toolkit.review import Review, draw, render_html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Review:
    talks = []
    for number in range(6):
        talk = Talk(f"s{number}").turn(("Bash", {"command": "ls"}, "alpha.py bravo.py"))
        talk.read("/home/a/alpha.py").read("/home/a/bravo.py")
        talks.append(talk)
    return review_of(tmp_path_factory.mktemp("history"), *talks)


class Links(HTMLParser):
    """Collects what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.scripts = 0
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.scripts += tag == "script"
        self.ids.add(values.get("id") or "")
        for name in ("src", "href", "xlink:href"):
            target = values.get(name)
            if target and not target.startswith(("#", "data:")):
                self.loaded.append(target)


def test_the_page_loads_and_runs_nothing(found: Review) -> None:
    links = Links()
    links.feed(render_html(found))

    assert (links.loaded, links.scripts) == ([], 0)


def test_every_figure_stands_on_the_page(found: Review) -> None:
    links = Links()
    links.feed(render_html(found))

    assert {figure.name for figure in found.figures()} <= links.ids


def test_the_same_review_gives_the_same_page(found: Review) -> None:
    assert render_html(found) == render_html(found)


def test_the_numbers_of_every_picture_can_be_downloaded(found: Review) -> None:
    page = render_html(found)
    files = re.findall(
        r'download="([\w-]+)\.csv" href="data:text/csv;base64,([^"]+)"', page
    )

    assert [name for name, _ in files] == [drawing.name for drawing in draw(found)]
    assert all(b"," in base64.b64decode(data) for _, data in files)


def test_colours_are_the_page_s_own(found: Review) -> None:
    assert all("#0101" not in drawing.svg for drawing in draw(found))


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_real_browser_shows_it_without_a_complaint(
    found: Review, tmp_path: Path
) -> None:
    page = tmp_path / "review.html"
    page.write_text(render_html(found), encoding="utf-8")
    shot = tmp_path / "shot.png"

    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu",
            "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--no-first-run", "--enable-logging=stderr",
            "--window-size=1000,2400", f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={shot}", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip

    assert "CONSOLE" not in done.stderr
    assert shot.stat().st_size > 20_000
