"""The map from a table's columns to a record's fields, as an import uses it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from toolkit.declaration import read_declared
from toolkit.history.importers.table.form import MapForm, MappedColumn, form_of
from toolkit.records import Batch, FieldRule, Provenance, Record, field_rules

__all__ = ["TableMap", "read_map"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMap:
    """What a row of a table is.

    Attributes
    ----------
    path : path
        The file that says so.
    record_class : type
        The kind of record.
    source : str
        Becomes the `source` of every record.
    identity : tuple of str
        Columns whose values together tell rows apart; empty: file name and line do.
    zone : ZoneInfo or None
        Of times that carry none.
    columns : mapping of str to MappedColumn
        By field.
    constants : mapping of str to object
        Fields with the same value in every row.
    context : mapping of str to MappedColumn
        Declared context columns: one with a unit holds numbers, one without categories.
    encoding : str
        Of CSV files.
    delimiter : str or None
        Of CSV files; by default the one that occurs most in the header line.
    """

    path: Path
    record_class: type[Record]
    source: str
    identity: tuple[str, ...]
    zone: ZoneInfo | None
    columns: Mapping[str, MappedColumn]
    constants: Mapping[str, Any]
    context: Mapping[str, MappedColumn] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """List every column of the table that is read, identities last."""
        mapped = [*self.columns.values(), *self.context.values()]
        read = [*(each.column for each in mapped), *self.identity]
        return tuple(dict.fromkeys(read))

    def complete(self, known: dict[str, Any]) -> None:
        """Add the endings that follow from those that a row counts.

        Where a map counts failures and names no cancelled operations there were none,
        and where it names no successes, what did not fail succeeded.
        """
        given = {*self.columns, *self.constants}
        if self.record_class is not Batch or known.get("failed") is None:
            return
        if "cancelled" not in given:
            known["cancelled"] = 0
        if "succeeded" not in given and known.get("cancelled") is not None:
            rest = known["size"] - known["failed"] - known["cancelled"]
            known["succeeded"] = max(rest, 0)

    def mapped(self) -> Iterator[tuple[FieldRule, MappedColumn]]:
        """List the mapped fields with their rules."""
        for rule in field_rules(self.record_class):
            if rule.name in self.columns:
                yield rule, self.columns[rule.name]


def read_map(path: Path) -> TableMap:
    """Read a map.

    Raises
    ------
    InputDataError
        It is not TOML, names an unknown kind, field or unit, or leaves out a field that
        every record of the kind has. Every problem of the map is named.
    """
    form: MapForm = read_declared(path, form_of, fix="give another --map")
    return TableMap(
        path=path,
        record_class=form.record_class,
        source=form.source,
        identity=form.identity,
        zone=None if form.zone is None else ZoneInfo(form.zone),
        columns=form.mapped(form.columns),
        constants={
            "source": form.source,
            "provenance": Provenance.DECLARED.value,
            **form.constants,
        },
        context=form.mapped(form.context),
        encoding=form.encoding,
        delimiter=form.delimiter,
    )
