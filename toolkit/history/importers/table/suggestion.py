"""A map for a table that has none yet: what its columns' names and cells say."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers.table.rows import read_table

__all__ = ["suggest_map"]

ROWS_LOOKED_AT = 1000

MOST_WORDS = 64
"""Different texts of a column that may be a category; a name of each row has more."""

NAMES: Mapping[str, str] = {
    "at": "at started start begun begin timestamp time date created ts datetime beginn",
    "size": "size batchsize rows items n operations requests samples count",
    "cycle_s": "cycle duration took elapsed seconds secs runtime latency walltime dauer",
    "failed": "failed failures errors bad fehler",
    "succeeded": "succeeded success successes ok passed",
    "cancelled": "cancelled canceled aborted",
    "session_id": "session job run jobid runid sessionid lauf",
    "operation_type": "operation operationtype task tasktype",
    "load_cpu": "cpu load loadcpu utilisation utilization auslastung",
    "load_memory": "memory mem ram loadmemory",
    "active_agents": "agents activeagents",
    "workers": "workers concurrency threads",
    "model": "model modelname",
}
"""Fields of a batch, and the words, lowered and without marks, that name them."""

REQUIRED = ("at", "size", "cycle_s", "failed")
"""Fields without which a batch teaches nothing."""

KNOWN_BEFORE = frozenset(
    [
        "accelerator",
        "backend",
        "cluster",
        "device",
        "dtype",
        "engine",
        "gpu",
        "host",
        "instance",
        "machine",
        "node",
        "partition",
        "precision",
        "quantization",
        "queue",
        "region",
        "zone",
    ]
)
"""Names of columns that are known before a batch begins."""

ENDINGS: Mapping[str, str] = {
    "ms": "ms",
    "us": "us",
    "ns": "ns",
    "s": "s",
    "sec": "s",
    "secs": "s",
    "seconds": "s",
    "min": "min",
    "h": "h",
    "pct": "percent",
    "percent": "percent",
    "bytes": "bytes",
    "mb": "MB",
    "mib": "MiB",
    "gb": "GB",
    "gib": "GiB",
}
"""Words at the end of a column's name, and the unit that they say."""

FORMATS = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M %p",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
)
"""Forms of times that are no ISO dates. Where two of them fit, none is written."""

PLAIN = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)? ?%?")
COMMA = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})*,\d+ ?%?|[+-]?\d+,\d+ ?%?")
WHOLE = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The cells of one column, without the empty ones."""

    name: str
    cells: Sequence[str]

    @property
    def words(self) -> list[str]:
        """Words of its name, lowered."""
        spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", self.name)
        return [word.lower() for word in re.findall(r"[^\W_]+", spaced)]

    def every(self, test: Callable[[str], object]) -> bool:
        """Whether there are cells, and all of them pass a test."""
        return bool(self.cells) and all(test(cell) for cell in self.cells)

    @property
    def is_number(self) -> bool:
        return self.every(lambda cell: PLAIN.fullmatch(cell) or COMMA.fullmatch(cell))

    @property
    def has_comma(self) -> bool:
        return self.is_number and any(COMMA.fullmatch(cell) for cell in self.cells)

    @property
    def unit(self) -> str | None:
        """Unit that its cells or the last word of its name says."""
        if self.is_number and any(cell.endswith("%") for cell in self.cells):
            return "percent"
        return ENDINGS.get(self.words[-1]) if len(self.words) > 1 else None


def suggest_map(path: Path) -> str:
    """Write a map for a table from what its names and cells say.

    What was not recognised is in it as a comment, so that nothing is guessed: a column
    that is known only after a batch must not become a context column.

    Parameters
    ----------
    path : path
        CSV, JSON lines or Parquet.

    Returns
    -------
    str
        TOML, with comments.

    Raises
    ------
    InputDataError
        The file is no table.
    """
    encoding, columns = _columns(path)
    fields = _recognised(columns)
    used = {column.name for column in fields.values()}
    others = [column for column in columns if column.name not in used]
    lines = [
        f"# Suggested from {path.name}; correct it, then try it:",
        "# toolkit records import table FILE --map MAP --dry-run",
        'kind = "batch"',
        *_identity(fields),
        *_forms(encoding, columns, fields),
        "",
        "[columns]",
        *(_line(name, column) for name, column in fields.items()),
        *(
            f'# {name} = "..."  # not recognised; {_why(name)}'
            for name in REQUIRED
            if name not in fields
        ),
        *_contexts(others),
        *_constants(fields),
    ]
    return "\n".join(lines) + "\n"


def _columns(path: Path) -> tuple[str, list[_Seen]]:
    """Read the first rows, in whichever of the usual encodings can be read."""
    problem: InputDataError | None = None
    for encoding in ("utf-8", "utf-16", "cp1252"):
        try:
            return encoding, _cells(path, encoding)
        except InputDataError as error:
            problem = problem or error
            if "encoding" not in error.problem:
                raise
    raise problem or InputDataError("no table", file=path)


def _cells(path: Path, encoding: str) -> list[_Seen]:
    names, rows = read_table(path, encoding=encoding)
    found: dict[str, list[str]] = {name: [] for name in names or ()}
    for _, row in islice(rows, ROWS_LOOKED_AT):
        if isinstance(row, dict):
            for name, value in row.items():
                text = "" if value is None else str(value).strip()
                if text:
                    found.setdefault(name, []).append(text)
    return [_Seen(name=name, cells=cells) for name, cells in found.items()]


def _recognised(columns: Sequence[_Seen]) -> dict[str, _Seen]:
    """Find the column of each field: its whole name, or one of its words."""
    found: dict[str, _Seen] = {}
    for field, listed in NAMES.items():
        names = listed.split(" ")
        free = [c for c in columns if c not in found.values() and _fits(field, c)]
        for whole in (True, False):
            match = next(
                (c for n in names for c in free if _is_named(c, n, whole)), None
            )
            if match is not None:
                found[field] = match
                break
    return found


def _is_named(column: _Seen, name: str, whole: bool) -> bool:  # noqa: FBT001 - a mode of one private test
    if whole:
        return "".join(column.words) == name
    return name in column.words and len(name) > 1


def _fits(field: str, column: _Seen) -> bool:
    """Whether a column's cells can be a field's."""
    if field == "at":
        return _time_form(column) is not None
    if field == "session_id":
        return bool(column.cells)
    if field in ("operation_type", "model"):
        return bool(column.cells) and not column.is_number
    if field in ("size", "failed", "succeeded", "cancelled", "workers"):
        return column.every(WHOLE.fullmatch)
    return column.is_number


def _time_form(column: _Seen) -> str | None:
    """Find how times are written: `iso`, `number`, a format, `ambiguous`, or not at all."""
    if column.every(_is_iso):
        return "iso"
    if column.every(lambda cell: PLAIN.fullmatch(cell) and _number(cell) > 1e8):
        return "number"
    fitting = [f for f in FORMATS if all(_is_in(cell, f) for cell in column.cells)]
    if not fitting:
        return None
    return fitting[0] if len(fitting) == 1 else "ambiguous"


def _is_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return not WHOLE.fullmatch(text)


def _is_in(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return False
    return True


def _identity(fields: Mapping[str, _Seen]) -> list[str]:
    keys = [fields[name].name for name in ("session_id", "at") if name in fields]
    if len(keys) < 2:
        return ['# identity = ["..."]  # columns that together name a row']
    return [f"identity = {json.dumps(keys, ensure_ascii=False)}  # name a row together"]


def _forms(
    encoding: str, columns: Sequence[_Seen], fields: Mapping[str, _Seen]
) -> list[str]:
    """Write how texts, numbers and times are written, where it is not the usual way."""
    lines = [] if encoding == "utf-8" else [f'encoding = "{encoding}"']
    if any(column.has_comma for column in columns):
        lines.append('decimal = ","')
        if any("." in cell for c in columns if c.has_comma for cell in c.cells):
            lines.append('thousands = "."')
    begun = fields.get("at")
    if begun is not None and not all(map(_has_zone, begun.cells)):
        lines.append('zone = "UTC"  # of times that carry none; name yours')
    return lines


def _has_zone(text: str) -> bool:
    if PLAIN.fullmatch(text):
        return True  # since 1970
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _line(field: str, column: _Seen) -> str:
    """Write the line of one field; a unit is written where the field has one."""
    parts: dict[str, str] = {"column": column.name}
    note = ""
    if field == "at":
        form = _time_form(column)
        if form == "ambiguous":
            note = "  # day or month first? write `format`"
        elif form not in ("iso", "number"):
            parts["format"] = str(form)
    elif field == "cycle_s":
        unit = column.unit
        parts["unit"] = unit if unit in ("ms", "us", "ns", "s", "min", "h") else "s"
        if parts["unit"] != unit:
            note = "  # in seconds?"
    elif field.startswith("load_") and (
        column.unit == "percent" or any(_number(cell) > 1 for cell in column.cells)
    ):
        parts["unit"] = "percent"
    if len(parts) == 1:
        return f"{field} = {_quoted(column.name)}{note}"
    inner = ", ".join(f"{key} = {_quoted(value)}" for key, value in parts.items())
    return f"{field} = {{ {inner} }}{note}"


def _number(cell: str) -> float:
    text = cell.rstrip("% ")
    if COMMA.fullmatch(cell):
        text = text.replace(".", "").replace(",", ".")
    return float(text)


def _contexts(others: Sequence[_Seen]) -> list[str]:
    """Write the columns that may be context; those known before, without a mark."""
    lines = [
        "",
        "# Columns that are known before a batch begins; never what came of it.",
    ]
    known = [_context(column) for column in others]
    sure = [line for line, before in known if line and before]
    unsure = [f"# {line}" for line, before in known if line and not before]
    header = "[context]" if sure else "# [context]"
    return [*lines, header, *sure, *unsure] if sure or unsure else []


def _context(column: _Seen) -> tuple[str, bool]:
    """Write one context column, and whether its name says that it is known before."""
    name = "_".join(column.words)
    if not name.isidentifier() or not column.cells:
        return "", False
    if column.is_number:
        unit = column.unit or "count"
        ending = {"ms": "_s", "us": "_s", "ns": "_s", "min": "_s", "h": "_s", "s": "_s"}
        ending |= {"percent": "_ratio"}
        base = "_".join(column.words[:-1]) if column.unit in ENDINGS.values() else name
        wanted = ending.get(unit, "" if unit == "count" else "_bytes")
        name = (base or name) + wanted if not name.endswith(wanted or " ") else name
        inner = f"column = {_quoted(column.name)}, unit = {_quoted(unit)}"
        return f"{name} = {{ {inner} }}", False
    if len(set(column.cells)) > MOST_WORDS:
        return "", False
    before = bool(KNOWN_BEFORE & set(column.words))
    return f"{name} = {_quoted(column.name)}", before


def _constants(fields: Mapping[str, _Seen]) -> list[str]:
    if "operation_type" in fields:
        return []
    return [
        "",
        "[constants]",
        'operation_type = "work"  # name what is done in a batch',
    ]


def _why(name: str) -> str:
    return {
        "at": "when the batch began",
        "size": "how many operations it had",
        "cycle_s": "how long it took, from the result before to its own",
        "failed": "how many operations failed",
    }[name]


def _quoted(text: Any) -> str:
    return json.dumps(str(text), ensure_ascii=False)
