"""Every output that shows a name from outside: a name steers nothing and adds nothing.

The table lists what shows a name, by the format that it writes; the code is searched for
modules that are not in it.
"""

import base64
import csv
import io
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast
from xml.dom.minidom import parseString

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text
from rich.console import Console, Group

from tests.bundle_factory import LEARNED, manifest_of
from tests.review.reviewed import Talk, facts_of
from tests.shared import ROOT
from toolkit.bundle import Column, Fallback, RungSpec, Support
from toolkit.cli.features import plain_cells
from toolkit.cli.heal import view as heal_view
from toolkit.cli.monitor.view import print_view
from toolkit.cli.output import (
    print_error,
    print_json,
    print_note,
    print_table,
    print_text,
)
from toolkit.cli.progress import _bar, _Lines
from toolkit.escaping import is_plain
from toolkit.experiments.evaluation.report import markdown_report
from toolkit.experiments.evaluation.result import PolicyRow
from toolkit.experiments.training import ExperimentSpec
from toolkit.export.card import model_card
from toolkit.history.snapshot import report_damage
from toolkit.notifier import Notification
from toolkit.plots import plot_regret, plot_response, plot_support
from toolkit.review import Facts, Review, render_html, render_text
from toolkit.review.drawing import Drawing
from toolkit.review.figure import Figure
from toolkit.review.history_review import review_facts
from toolkit.review.html import _picture, _row
from toolkit.review.matching import MatchedRatio
from toolkit.runtime.healing import AgentState, HealingSession, SwarmSnapshot

STEERING = "\x1b]0;title\x07\x9b31m\r\n# forged\u202e\u2028|x|\u200b\x7f\ud800=1+1"
MARKUP = "[/red][link=http://a]<script>alert(1)</script>'\" onload=x &amp; `$\\frac{`"
FORMULA = "=cmd|' /C calc'!A0"
NAMES = [
    STEERING,
    MARKUP,
    FORMULA,
    "@SUM(1)",
    "-2+3",
    "# h",
    "[x](y)",
    "](",
    "$_{",
    "\\",
]
names = st.text(st.characters(), max_size=30) | st.sampled_from(NAMES)
whole = names.map(lambda name: name.encode("utf-8", "replace").decode())
"""Names without half characters, which no record holds."""


def said(print_names: Callable[[], object]) -> str:
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        print_names()
    return out.getvalue()


def commands(name: str) -> Iterator[str]:
    yield said(lambda: print_text(name))
    yield said(lambda: print_note(name))
    yield said(lambda: print_error(name))
    yield said(lambda: print_json({name: name}))
    yield said(lambda: print_table([name, "b"], [[name, 1], ["x", name]]))


def monitor(name: str) -> Iterator[str]:
    agent = {
        "agent": f"{name}/{name}",
        "operations": 3,
        "score": 0.5,
        "band": "good",
        "trend": None,
        "factors": dict.fromkeys(
            (
                "operation_frequency",
                "memory_consistency",
                "coordination_latency",
                "duplicate_work",
                "hook_compliance",
            ),
            0.5,
        ),
    }
    overall = {
        "live_agents": 1,
        "score": 0.5,
        "duplicate_work_rate": 0.1,
        "conflicting_write_rate": 0.1,
        "stale_read_rate": 0.1,
        "idle": [],
        "overloaded": [],
        "late": 0,
    }
    snapshot = {
        "at": None,
        "events": 1,
        "overall": overall,
        "agents": [agent],
        "alerts": [{"agent": f"{name}/{name}", "kind": name}],
        "alerts_raised": {},
    }
    yield said(lambda: print_view(snapshot, [Notification(message=f"x {name}")]))


def healing(name: str) -> Iterator[str]:
    agent = AgentState(
        agent_id=name,
        slot=name,
        alive=True,
        since_s=0.0,
        active_s=None,
        operation_type=name,
    )
    told = Notification(message=f"x {name}", metadata={"rung": name})
    session = SimpleNamespace(cause=name, rung=name, phase="acting")
    shown = Group(
        heal_view._agents(SwarmSnapshot(at_s=1.0, agents=(agent,))),
        heal_view._sessions([cast(HealingSession, session)]),
        heal_view._line(told),
    )
    out = io.StringIO()
    Console(file=out, width=200).print(shown)
    yield out.getvalue()


def progress(name: str) -> Iterator[str]:
    def work() -> None:
        with _bar(name) as shown:
            shown(1, 2, name)

    yield said(work)
    lines = _Lines(name)
    lines(1, 2, name)
    yield said(lines.write)


PARTS = count()


def logs(name: str) -> Iterator[str]:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    watched = logging.getLogger("toolkit")
    watched.addHandler(handler)
    try:
        report_damage(Path(f"{name}/{next(PARTS)}.parquet"))  # once for each path
    finally:
        watched.removeHandler(handler)
    assert out.getvalue()
    yield out.getvalue()


def notifications(name: str) -> Iterator[str]:
    message, metadata = f"x {name}", {"agent": name}
    yield from Notification(message=message, metadata=metadata).arguments()


@cache
def facts() -> Facts:
    talks = []
    for number in range(3):
        talk = Talk(f"s{number}").turn(("Bash", {"command": "ls"}, "alpha.py bravo.py"))
        talk.read("/home/a/alpha.py").read("/home/a/bravo.py")
        talks.append(talk)
    with TemporaryDirectory() as folder:
        return facts_of(Path(folder), *talks)


KEPT = ("work", "previous", "provenance", "week")
"""Columns of the toolkit's own words."""


def reviewed(name: str) -> Review:
    """Review a history in which every text is a name from outside."""

    def renamed(columns: Any) -> Any:
        return {
            key: np.array([f"{name}{n % 2}" for n in range(len(column))], dtype=object)
            if column.dtype == object and key not in KEPT
            else column
            for key, column in columns.items()
        }

    known = facts()
    made = Facts(
        batches=renamed(known.batches),
        turns=renamed(known.turns),
        waves=renamed(known.waves),
    )
    found = review_facts(made, rng=np.random.default_rng(0))
    matched = MatchedRatio(
        work=name,
        smallest=2,
        largest=2,
        ratio=0.7,
        low=0.6,
        high=0.8,
        before=(1.0, 0.9, 1.1),
        after=None,
        pairs=10,
        groups=5,
        over="sessions",
        records=(name,),
    )
    return replace(found, matched=(matched,))


def screens(name: str) -> Iterator[str]:
    found = reviewed(name)
    dimensions = ("project", "model", "client", "agent", "operation")
    yield render_text(found, by=dimensions)
    yield str(found)


def cards(name: str) -> Iterator[str]:
    column = replace(Column(name="x"), name=name, about=name, unit=name)
    manifest = manifest_of()
    rung = RungSpec(
        name=name, rule=name, evidence=replace(LEARNED.evidence, below=name)
    )
    yield model_card(
        replace(
            manifest,
            name=name,
            version=name,
            decision=name,
            cost_unit=name,
            feature_schema=replace(manifest.feature_schema, context=(column,)),
            support=Support(column=name, counts={f"x{name}": ((1.0, 1),)}, ranges={}),
            fallback=Fallback(rule=name, constant=1.0),
            training={f"x{name}": name},
            metrics={f"x{name}": name},
            ladder=(rung,),
        ),
        limits=[name],
        worst=0.0,
    )


def policy(name: str) -> PolicyRow:
    numbers = {
        field: 1.0
        for field in PolicyRow.__dataclass_fields__
        if field not in ("policy", "verdict")
    }
    return PolicyRow(policy=name, verdict="tie", **numbers)


def reports(name: str) -> Iterator[str]:
    evidence = {
        "below": name,
        "difference": None,
        "upper": None,
        "groups": 1,
        "groups_needed": 2,
        "observed": False,
    }
    row = {
        "operation_type": name,
        "size": 1,
        "batches": 10,
        "sessions": 3,
        "cost_s": None,
        "cost_low_s": None,
        "cost_high_s": None,
    }
    results = {
        "data": {
            "rows": 1,
            "groups": 1,
            "measured_problems": 1,
            "first": "2026-01-01",
            "last": "2026-01-02",
        },
        "evaluation": {
            "interior_best": 0.5,
            "interval_coverage": 0.9,
            "noise_floor": None,
            "rungs": {f"x{name}": 0.5},
        },
        "ladder": [{"name": name, "evidence": evidence}],
        "prediction": {"learned_error": 0.1, "constant_error": 0.2, "rows": 3},
        "support": [row],
        "weights": {f"x{name}": 0.5},
        "limits": [name],
    }
    spec = ExperimentSpec(name="x", decision="batch_size", question="?")
    object.__setattr__(spec, "name", name)  # a specification's rules are not the claim
    object.__setattr__(spec, "question", name)
    yield markdown_report(spec, [policy(name)], results)


def pieces(name: str) -> Iterator[str]:
    figure = Figure(
        name=name, value=1.0, unit=name, records=(name, name), how=name, unknown=3
    )
    yield _row(figure)
    yield _picture(
        Drawing(
            name="x",
            title=name,
            caption=name,
            svg="<svg></svg>",
            header=("a", "b"),
            rows=((name, 1.5),),
        )
    )


def tables(name: str) -> Iterator[str]:
    table = pd.DataFrame({"kind": [name, None], "size": [1, 2]})
    yield plain_cells(table).to_csv(index=False)
    (shown, *_) = [piece for piece in pieces(name) if "data:text/csv" in piece]
    data = re.search(r"data:text/csv;base64,([^\"]+)", shown)
    assert data is not None
    yield base64.b64decode(data[1]).decode("utf-8")


TERMINAL = [
    *(commands, monitor, healing, progress, logs, notifications, screens),
]
MARKDOWN = [cards, reports]
HTML = [pieces]
CSV = [tables]


@pytest.mark.parametrize("shown", TERMINAL, ids=lambda output: output.__name__)
@settings(max_examples=25, deadline=None)
@given(names)
def test_a_name_steers_no_terminal(
    shown: Callable[[str], Iterator[str]], name: str
) -> None:
    for text in shown(name):
        assert is_plain(re.sub(r"[\n\t]", "", text))


@pytest.mark.parametrize("shown", MARKDOWN, ids=lambda output: output.__name__)
@settings(max_examples=40, deadline=None)
@given(names)
def test_a_name_adds_no_line_heading_cell_link_or_markup(
    shown: Callable[[str], Iterator[str]], name: str
) -> None:
    for text, plain in zip(shown(name), shown("plain"), strict=True):
        bare = re.sub(r"`[^`\n]*`", "", re.sub(r"\\[\\`*\[\]#|<>&]", "", text))

        assert is_plain(text.replace("\n", ""))
        assert text.count("\n") == plain.count("\n")
        assert bare.count("\n#") == plain.count("\n#")
        assert bare.count("|") == re.sub(r"`[^`\n]*`", "", plain).count("|")
        assert not re.search(r"\]\(|<\w", bare)


class Tags(HTMLParser):
    """Collects the elements of a page with the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))


@settings(max_examples=40, deadline=None)
@given(names)
def test_a_name_adds_no_element_or_attribute(name: str) -> None:
    for text, plain in zip(pieces(name), pieces("plain"), strict=True):
        assert Tags(text).found == Tags(plain).found
        assert is_plain(text)


@pytest.mark.filterwarnings("ignore:Glyph", "ignore:constrained_layout")
@pytest.mark.parametrize(
    "name", ["\x1b]0;t\x07\u202e", "<b onload=x>'\"]]>", "=1+$_{$"]
)
def test_a_page_of_hostile_names_is_the_page_of_plain_ones(name: str) -> None:
    hostile = render_html(reviewed(name))
    pictures = re.findall(r"<svg.*?</svg>", hostile, re.DOTALL)
    without = re.compile(r"<svg.*?</svg>", re.DOTALL)

    plain = without.sub("", render_html(reviewed("plain")))
    assert Tags(without.sub("", hostile)).found == Tags(plain).found
    assert is_plain(re.sub(r"[\n\t]", "", hostile))
    assert pictures
    for picture in pictures:
        assert "<script" not in picture
        parseString(picture)  # noqa: S318 - our own, and a parser is the claim


@settings(max_examples=40, deadline=None)
@given(whole)
def test_a_name_is_one_cell_and_no_formula(name: str) -> None:
    for text, plain in zip(tables(name), tables("plain"), strict=True):
        rows = list(csv.reader(io.StringIO(text)))
        assert list(map(len, rows)) == [
            len(row) for row in csv.reader([*plain.splitlines()])
        ]
        cells = [cell for row in rows[1:] for cell in row]
        assert not any(cell.startswith(("=", "@", "\t", "\r")) for cell in cells)
        assert not any(re.match(r"[+-][^0-9.]", cell) for cell in cells)


@settings(max_examples=15, deadline=None)
@given(whole)
def test_a_name_is_no_mathematics_of_a_plot(name: str) -> None:
    batches = pd.DataFrame(
        {
            "operation_type": [f"x{name}"] * 2,
            "size": [1, 2],
            "cycle_s": [1.0, 2.0],
            "succeeded": [1, 2],
        }
    )
    compared = pd.DataFrame([policy(f"x{name}").to_json()])
    for draw, frame in (
        (plot_response, batches),
        (plot_support, batches),
        (plot_regret, compared),
    ):
        axes = draw(frame, ax=Canvas().add_subplot())
        labels = [text for text in axes.findobj(Text) if "x" in text.get_text()]

        assert labels
        for label in labels:
            text, is_mathematics = cast(Any, label)._preprocess_math(label.get_text())
            assert not is_mathematics
            assert is_plain(text)


LISTED = {
    "bundle/onnx_runtime.py": "logs its own words",
    "cli/features.py": tables,
    "cli/heal/view.py": healing,
    "cli/monitor/view.py": monitor,
    "cli/output.py": commands,
    "cli/progress.py": progress,
    "experiments/evaluation/plot_file.py": "draws what it is given",
    "experiments/evaluation/report.py": reports,
    "experiments/evaluation/result.py": reports,
    "experiments/training/tracking.py": "MLflow's own store; its pages escape",
    "experiments/tuning/whole_journal.py": "as `history/snapshot.py`",
    "export/card.py": cards,
    "history/generation.py": "as `history/snapshot.py`",
    "history/index.py": "as `history/snapshot.py`",
    "history/objects/compaction.py": "as `history/snapshot.py`",
    "history/objects/reading.py": "as `history/snapshot.py`",
    "history/snapshot.py": logs,
    "measurement/data_sheet.py": "names of its own workloads",
    "plots/canvas.py": "makes empty axes",
    "plots/regret.py": "test_a_name_is_no_mathematics_of_a_plot",
    "plots/response.py": "test_a_name_is_no_mathematics_of_a_plot",
    "plots/support.py": "test_a_name_is_no_mathematics_of_a_plot",
    "review/drawing.py": "test_a_page_of_hostile_names_is_the_page_of_plain_ones",
    "review/html.py": pieces,
    "runtime/sinks/prometheus.py": "labels are closed sets: its own tests",
}
"""Modules that write for people, and what shows a name through them."""

WRITES = re.compile(
    r"from rich|html_text\(|\bmarkdown\(|csv\.writer|to_csv\(|logger\.(warning|error)"
    r"|\.warning\(|plot_text\(|f\"\| \{|set_tags|log_params|GaugeMetricFamily"
    r"|import matplotlib|std(out|err)\.write|\bprint\("
)


def test_every_module_that_writes_for_people_is_listed() -> None:
    found = {
        str(path.relative_to(ROOT / "toolkit"))
        for path in (ROOT / "toolkit").rglob("*.py")
        if WRITES.search(re.sub(r"(?m)^\s*(>>>|\.\.\.).*$", "", path.read_text()))
    }

    assert found - {"escaping.py"} == set(LISTED)
