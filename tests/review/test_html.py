import base64
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.review.reviewed import Talk, review_of
from toolkit.review import Review, render_html
from toolkit.review.drawing import draw

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


SCREENSHOTS = Path(__file__).parent / "screenshots"
BLOCK = 20
"""Pixels of a side of the blocks that are compared: letters may differ, layout may not."""

MEAN_APART, MOST_APART = 6.0, 90.0
"""Greatest mean, and greatest single difference of two blocks' grey, of 255."""


def _shot(page: Path, folder: Path, scheme: str) -> tuple[Path, str]:
    """Photograph a page in headless Chromium; return the picture and what it logged."""
    shot = folder / f"{scheme}.png"
    preferred = {"dark": 0, "light": 1}[scheme]
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu",
            "--disable-background-networking", "--disable-component-update",
            "--disable-sync", "--no-first-run", "--enable-logging=stderr",
            "--hide-scrollbars", "--force-device-scale-factor=1",
            f"--blink-settings=preferredColorScheme={preferred}",
            "--window-size=1000,2400", f"--user-data-dir={folder / scheme}",
            f"--screenshot={shot}", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    return shot, done.stderr


def _blocks(path: Path) -> NDArray[np.float64]:
    """Mean grey of each block of a picture."""
    grey = np.asarray(Image.open(path).convert("L"), dtype=np.float64)
    height, width = (side // BLOCK * BLOCK for side in grey.shape)
    cut = grey[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    return np.asarray(cut.mean(axis=(1, 3)))


@pytest.mark.slow
# Chromium is given a hundred seconds for each of two pages.
@pytest.mark.timeout(240)
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_real_browser_shows_the_page_as_it_was_seen_before(
    found: Review, tmp_path: Path, scheme: str
) -> None:
    page = tmp_path / "review.html"
    page.write_text(render_html(found), encoding="utf-8")

    shot, logged = _shot(page, tmp_path, scheme)

    assert "CONSOLE" not in logged
    seen, kept = _blocks(shot), _blocks(SCREENSHOTS / f"{scheme}.png")
    assert seen.shape == kept.shape
    assert np.abs(seen - kept).mean() < MEAN_APART
    assert np.abs(seen - kept).max() < MOST_APART
    assert (seen.mean() > 128) == (scheme == "light")
