"""Writes a review as one HTML file: no script, no network, light and dark, printable."""

import base64
import csv
import io

from toolkit.escaping import csv_text, html_text
from toolkit.review.drawing import Drawing, draw
from toolkit.review.figure import Figure
from toolkit.review.history_review import Review
from toolkit.review.text import render_text

__all__ = ["render_html"]

MOST_RECORDS = 200
"""Record ids that the page lists for a figure; `--explain` lists all."""

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--muted:#6a737d;--paper:#fff;--line:#d8dee4;
--series-1:#0b6bcb;--series-2:#e8710a;--series-3:#8fbde9;--series-4:#7a3db8;
--series-5:#1a8754}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--muted:#9aa4ae;--paper:#14181d;
--line:#30363d;--series-1:#58a6ff;--series-2:#ff9d4d;--series-3:#274b6e;--series-4:#c69cff;
--series-5:#4cc38a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:62rem;padding:1.5rem;color:var(--ink);background:var(--paper);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}
.verdict{font-size:1.2rem;border-left:4px solid var(--series-1);padding-left:1rem}
pre{overflow:auto;padding:1rem;border:1px solid var(--line);border-radius:6px;
font-size:.82rem;line-height:1.45}
figure{margin:1rem 0;break-inside:avoid}figure svg{width:100%;height:auto}
figcaption,small{color:var(--muted);font-size:.88rem}
table{border-collapse:collapse;width:100%;font-size:.88rem}
td,th{padding:.25rem .5rem;border-bottom:1px solid var(--line);text-align:left;
vertical-align:top}
td.n{text-align:right;white-space:nowrap}
details summary{cursor:pointer}details code{font-size:.75rem;word-break:break-all}
a{color:var(--series-1)}
:focus-visible{outline:3px solid var(--series-2);outline-offset:2px}
@media print{body{max-width:none}details:not([open])>*:not(summary){display:none}}
"""


def render_html(found: Review) -> str:
    """Write the page.

    Parameters
    ----------
    found : Review

    Returns
    -------
    str
        A complete HTML document that loads nothing and runs nothing.

    Raises
    ------
    MissingExtraError
        Matplotlib is not installed (extra `report`).
    """
    text = render_text(found)
    verdict, _, rest = text.partition("\n\n")
    pictures = "".join(_picture(each) for each in draw(found))
    changes = "".join(
        f"<li><strong>{html_text(change.what)}</strong> "
        f"{change.seconds[0] / 60:,.0f} to {change.seconds[1] / 60:,.0f} minutes; "
        f'{html_text(change.evidence)} <a href="#{html_text(change.figure)}">records</a></li>'
        for change in found.changes
    )
    screen = "\n".join(map(html_text, rest.split("\n")))
    unsaid = "".join(f"<li>{html_text(line)}</li>" for line in found.unsaid())
    figures = "".join(_row(figure) for figure in found.figures())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>Review of a history</title><style>{STYLE}</style></head><body><main>"
        f'<h1>Review</h1><p class="verdict">{html_text(" ".join(verdict.split()))}</p>'
        f"<h2>Worth most</h2><ol>{changes or '<li>Nothing was found.</li>'}</ol>"
        f"{pictures}<h2>On one screen</h2><pre>{screen}</pre>"
        f"<h2>What cannot be said</h2><ul>{unsaid}</ul>"
        "<h2>Every figure, and its records</h2>"
        "<table><thead><tr><th>figure</th><th>value</th><th>unit</th><th>how</th></tr>"
        f"</thead><tbody>{figures}</tbody></table></main></body></html>\n"
    )


def _picture(drawing: Drawing) -> str:
    return (
        f'<h2 id="{drawing.name}">{html_text(drawing.title)}</h2><figure>{drawing.svg}'
        f"<figcaption>{html_text(drawing.caption)} "
        f'<a download="{drawing.name}.csv" href="{_csv_link(drawing)}">CSV</a>'
        "</figcaption></figure>"
    )


def _csv_link(drawing: Drawing) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(drawing.header)
    writer.writerows([_cell(value) for value in row] for row in drawing.rows)
    data = base64.b64encode(file.getvalue().encode("utf-8")).decode("ascii")
    return f"data:text/csv;base64,{data}"


def _cell(value: object) -> object:
    return csv_text(value) if isinstance(value, str) else value


def _row(figure: Figure) -> str:
    shown = figure.records[:MOST_RECORDS]
    more = len(figure.records) - len(shown)
    ids = html_text(" ".join(shown)) + (f" and {more:,} more" if more else "")
    interval = ""
    if figure.low is not None and figure.high is not None:
        interval = f" [{figure.low:.3g}, {figure.high:.3g}]"
    unknown = f"<br><small>{figure.unknown:,} unknown</small>" if figure.unknown else ""
    return (
        f'<tr id="{html_text(figure.name)}"><td>{html_text(figure.name)}</td>'
        f'<td class="n">{figure.value:,.6g}{interval}{unknown}</td>'
        f"<td>{html_text(figure.unit)}</td><td>{html_text(figure.how)}"
        f"<details><summary>{len(figure.records):,} records</summary>"
        f"<code>{ids}</code></details></td></tr>"
    )
