"""Logs of agents written out to the lengths that they name.

The packs are redacted: `[text:120]` stands for 120 characters. An import of such lines
says little about raw logs, most of which is text. Here every mark is replaced by a text
of that length: code of the standard library, every third longer result numbered as agents
show files, and base64 where signatures and images stood. A seed makes it the same every
time. JSON inside a text stays JSON. Nothing else of a line is changed; lines that are no
JSON stay as they are.
"""

import base64
import json
import random
import re
import shutil
import sqlite3
import sysconfig
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import orjson

__all__ = ["TABLES", "write_out"]

TABLES = ("message", "part")
"""Tables of OpenCode's database whose `data` is JSON."""

MARK = re.compile(r"\[(text|cmd|error|base64|url|flow):(\d{1,9})(?=[:\]])[^\]]*\]")
MODULES = 150
RESULTS = frozenset({"content", "output", "stdout", "text"})
ENCODED = frozenset({"signature", "data"})
LONG = 400
"""Characters of a result from which it may be a file."""


def write_out(source: Path, target: Path, seed: int = 0) -> None:
    """Write the logs below a folder out, `*.jsonl`, `*.json` and OpenCode's `*.db`.

    Parameters
    ----------
    source, target : path
        Folders; the files keep their places.
    seed : int
    """
    writer = _Writer(seed)
    for file in sorted(source.rglob("*")):
        if file.suffix not in (".jsonl", ".json", ".db") or not file.is_file():
            continue
        written = target / file.relative_to(source)
        written.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".db":
            shutil.copyfile(file, written)
            _write_out_rows(written, writer)
            continue
        with written.open("wb") as out:
            if file.suffix == ".json":
                out.write(writer.line(file.read_bytes()))
                continue
            with file.open("rb") as lines:
                for line in lines:
                    out.write(writer.line(line.removesuffix(b"\n")))
                    out.write(b"\n" * line.endswith(b"\n"))


def _write_out_rows(path: Path, writer: "_Writer") -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for table in TABLES:
            rows = database.execute(f"SELECT id, data FROM {table} ORDER BY id")  # noqa: S608 - names of ours
            database.executemany(
                f"UPDATE {table} SET data = ? WHERE id = ?",  # noqa: S608
                [(writer.line(data.encode()).decode(), name) for name, data in rows],
            )


class _Writer:
    """Draws texts for marks."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        library = Path(sysconfig.get_paths()["stdlib"])
        files = sorted(library.glob("*.py"))[:MODULES]
        self._code = "\n".join(f.read_text("utf-8", errors="replace") for f in files)
        self._encoded = base64.b64encode(self._random.randbytes(10**6)).decode()

    def line(self, line: bytes) -> bytes:
        """Write a line, or a whole document, out."""
        try:
            value = json.loads(line)
            return orjson.dumps(self._value(value, ""))
        except (ValueError, TypeError):
            return line

    def _value(self, value: Any, name: str) -> Any:
        if isinstance(value, str):
            if "[" not in value:
                return value
            if value.startswith("{"):  # JSON in a text, as the arguments of calls are
                with suppress(ValueError):
                    inner = self._value(json.loads(value), "")
                    return orjson.dumps(inner).decode()
            return MARK.sub(lambda mark: self._text(mark, name), value)
        if isinstance(value, dict):
            return {key: self._value(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._value(inner, name) for inner in value]
        return value

    def _text(self, mark: re.Match[str], name: str) -> str:
        length = int(mark[2])
        if mark[1] == "base64" or name in ENCODED:
            return _cut(self._encoded, 0, length)
        text = _cut(self._code, self._random.randrange(len(self._code)), length)
        if name in RESULTS and length > LONG and self._random.random() < 1 / 3:
            text = _numbered(text)[:length]
        return text


def _cut(text: str, start: int, length: int) -> str:
    """Cut some characters out, from the beginning again where it ends."""
    cut = text[start : start + length]
    while len(cut) < length:
        cut += text[: length - len(cut)]
    return cut


def _numbered(text: str) -> str:
    lines = text.split("\n")
    return "\n".join(f"{number:>6}→{line}" for number, line in enumerate(lines, 1))
