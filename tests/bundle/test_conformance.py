"""The vectors in the repository are what Python decides, and every kind of answer is there."""

import base64
import json
import math
import shutil
from collections.abc import Iterator
from datetime import datetime
from gzip import decompress
from pathlib import Path
from typing import Any

import pytest

from tests.bundle.conformance import answer_of, decoded
from tests.shared import ROOT
from toolkit.bundle import Bundle, read_bundle
from toolkit.errors import BundleRefusedError

VECTORS = ROOT / "clients" / "conformance"
NUMBER = 1e-9
"""Relative difference of numbers: another processor's exponential may end otherwise."""


def lines(name: str) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, (VECTORS / name).read_text().splitlines())


@pytest.fixture(scope="module")
def bundles() -> dict[str, Bundle]:
    return {
        path.name: read_bundle(path, signed=False)
        for path in (VECTORS / "bundles").iterdir()
    }


def answered(bundle: Bundle, row: dict[str, Any]) -> dict[str, Any]:
    question = {**decoded(row), "now": datetime.fromisoformat(row["now"])}
    return answer_of(bundle, question)


def is_close(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return got.keys() == wanted.keys() and all(
            is_close(got[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return len(got) == len(wanted) and all(map(is_close, got, wanted))
    if isinstance(wanted, float):
        return math.isclose(got, wanted, rel_tol=NUMBER, abs_tol=2 * NUMBER)
    return bool(got == wanted)


def test_every_vector_is_what_python_decides(bundles: dict[str, Bundle]) -> None:
    rows = list(lines("decisions.jsonl"))
    wrong = [
        row
        for row in rows
        if not is_close(
            answered(bundles[row["bundle"]], row),
            {name: row[name] for name in ("decision", "error") if name in row},
        )
    ]

    assert len(rows) >= 80
    assert wrong == []


def test_every_kind_of_answer_is_among_the_vectors() -> None:
    rows = list(lines("decisions.jsonl"))
    errors = {row["error"] for row in rows if "error" in row}
    codes = {row["decision"]["reason"]["code"] for row in rows if "decision" in row}

    assert errors >= {"SchemaError"}
    assert codes >= {"learned_better", "observed_only", "out_of_support"}
    assert codes >= {"tuned_rule_better", "rule_and_learned_agree"}


def test_damaged_bundles_end_as_the_vectors_say(tmp_path: Path) -> None:
    ends = {}
    for number, row in enumerate(lines("mutants.jsonl")):
        place = tmp_path / str(number)
        shutil.copytree(VECTORS / "bundles" / row["bundle"], place)
        for name, content in row["changed"].items():
            if content is None:
                (place / name).unlink()
            else:
                (place / name).write_bytes(decompress(base64.b64decode(content)))
        try:
            read_bundle(place, signed=False)
        except BundleRefusedError:
            ends[row["how"]] = "refused"
        else:
            ends[row["how"]] = "read"

    wanted = {
        row["how"]: "read" if row["refused"] is None else "refused"
        for row in lines("mutants.jsonl")
    }
    assert set(wanted.values()) == {"read", "refused"}
    assert ends == wanted


def test_the_vectors_are_small() -> None:
    sizes = [path.stat().st_size for path in VECTORS.rglob("*") if path.is_file()]

    assert sum(sizes) < 400_000
