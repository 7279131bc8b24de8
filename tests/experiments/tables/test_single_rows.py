"""Claims about single runs of an observed history, and about what groups are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.tables.test_feature_rows import drawn
from toolkit.bundle import FeatureSchema
from toolkit.experiments.tables import recorded_table, teaching_rows
from toolkit.experiments.tables.feature_rows import grouped_by
from toolkit.experiments.tables.single_rows import encode_frame
from toolkit.features import batch_table
from toolkit.history import RecordStore
from toolkit.models import DecisionTable
from toolkit.records import Batch


def seen(number: int, projects: int = 5) -> Batch:
    """A batch of an agent, in a session of one of some projects."""
    kinds = ("shell", "fileOperations")
    return replace(
        drawn(number, 1 + number % 3, None, "0"),
        context_id=None,
        project=f"p{number % 8 % projects}",
        branch=f"b{number % 2}",
        operation_type=kinds[number // 8 % 2],
        previous_operation_type=None if number % 9 == 0 else kinds[number % 2],
        previous_failed=number % 4 == 0,
        previous_characters=number * 10,
        call_characters=30 + number,
        calls=2,
        context_tokens=None if number % 7 == 0 else 1000 + number,
        background=int(number % 50 == 0),
        prompted=number % 5 == 0,
        model=f"m{number % 2}",
        source_version="2.1",
    )


def observed(
    folder: Path, *, by: str = "", projects: int = 5
) -> tuple[DecisionTable, str]:
    with RecordStore(folder) as store:
        store.add_all([seen(n, projects) for n in range(240)])
        store.compact()
        frame = batch_table(store.dataset)
    rows = teaching_rows(frame, decision="batch_size", by=by)
    return recorded_table(rows, decision="batch_size"), grouped_by(rows, by)


def test_groups_of_an_observed_history_are_its_projects(tmp_path: Path) -> None:
    table, by = observed(tmp_path)

    assert by == "project"
    assert table.group_names == ("p0", "p1", "p2", "p3", "p4")


def test_a_history_of_few_projects_is_split_by_session(tmp_path: Path) -> None:
    table, by = observed(tmp_path, projects=3)

    assert by == "session"
    assert len(table.group_names) == 8


@pytest.mark.parametrize(("by", "groups"), [("session", 8), ("branch", 10)])
def test_what_is_asked_for_is_never_split(tmp_path: Path, by: str, groups: int) -> None:
    table, _ = observed(tmp_path, by=by)

    assert table.singles is not None
    assert len(set(table.singles.groups)) == min(groups, 8)
    for name in table.group_names:
        part = table.of_groups([name]).singles
        assert part is not None
        assert set(part.groups) == {name}


def test_runs_know_the_moment_before_them(tmp_path: Path) -> None:
    table, _ = observed(tmp_path)
    singles = table.singles
    assert singles is not None
    names = {column.name for column in singles.columns}

    assert names >= {"operation_characters", "previous_failed", "in_background"}
    assert singles.optional == ("model", "client_version", "hour")
    assert len(singles.X) == 240
    place = singles.names.index("operation_characters")
    wanted = np.log1p([(30 + n) / 2 for n in range(240)])
    assert np.sort(singles.X[:, place]) == pytest.approx(np.sort(wanted), rel=1e-6)


def test_a_frame_is_encoded_as_its_rows_are(tmp_path: Path) -> None:
    with RecordStore(tmp_path) as store:
        store.add_all([seen(n) for n in range(240)])
        store.compact()
        frame = batch_table(store.dataset)
    rows = teaching_rows(frame, decision="batch_size")
    table = recorded_table(rows, decision="batch_size")
    assert table.singles is not None
    columns = (*table.schema.context, *table.singles.columns)
    schema = FeatureSchema(context=columns, action=())
    known = rows[[column.name for column in columns]].astype(object)
    one_by_one = [
        schema.encode_context({str(name): value for name, value in row.items()})
        for row in known.where(known.notna(), None).to_dict("records")
    ]

    np.testing.assert_array_equal(encode_frame(columns, rows), np.array(one_by_one))
