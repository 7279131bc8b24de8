"""What every record carries, and what every record seen in a session carries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from toolkit.errors import SchemaError
from toolkit.records.schema.rules import Provenance, field_rules, layout_of

__all__ = ["Observed", "Record"]


class _RowMaker:
    """Finds the function that writes the rows of a record class.

    Examples
    --------
    >>> from toolkit.records.schema import LoadSample
    >>> fields = {
    ...     "record_id": "x",
    ...     "at": datetime(2026, 1, 5, tzinfo=UTC),
    ...     "source": "doc",
    ...     "provenance": Provenance.MEASURED,
    ...     "host": "h",
    ... }
    >>> LoadSample.row(**fields) == LoadSample(**fields).known()
    True
    """

    def __get__(
        self, instance: object, owner: "type[Record]"
    ) -> Callable[..., dict[str, Any]]:
        return layout_of(owner).row


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every row carries, whatever its kind.

    Parameters
    ----------
    record_id : str
        Identity: two rows of one kind with one id are the same event, seen twice.
    at : datetime
        When it began, aware, UTC.
    source : str
        The importer or program that wrote the row.
    source_version : str or None
        Version of the observed program (the client), where it is recorded.
    provenance : Provenance
        How the row came to be known.
    """

    kind: ClassVar[str] = "record"
    row = _RowMaker()
    """Gives what `known` gives of the object with some fields, without making it; raises
    `SchemaError` as the class itself does."""

    record_id: str
    at: datetime
    source: str
    source_version: str | None = None
    provenance: Provenance

    def __post_init__(self) -> None:
        """Check every field against its declared type and range.

        Raises
        ------
        SchemaError
            Naming the field, the value and the fix.
        """
        layout_of(type(self)).check(self)

    @property
    def completeness(self) -> int:
        """How much of the event this copy saw; of two copies the fuller one is kept."""
        return self.fullness(self.known())

    @classmethod
    def fullness(cls, row: Mapping[str, Any]) -> int:  # noqa: ARG003 - one copy is as full as another here
        """Compute `completeness` from what `known` gives.

        Parameters
        ----------
        row : mapping
            As `known` gives it: fields that are not known are absent.

        Returns
        -------
        int
            Of two copies of one record the one with the higher number is kept.
        """
        return 0

    def to_json(self) -> dict[str, Any]:
        """Write the row as JSON types, leaving out what is not known.

        Returns
        -------
        dict
            `kind` first, then the known fields in declared order.
        """
        row = self.known()
        for name in layout_of(type(self)).times:
            if name in row:
                moment = row[name].astimezone(UTC)
                row[name] = moment.isoformat(timespec="microseconds")
        return row

    def known(self) -> dict[str, Any]:
        """Give `kind`, then the fields that are known, in declared order.

        Returns
        -------
        dict
            Python values, not JSON ones.
        """
        return layout_of(type(self)).known(self)

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Self:
        """Make the object of what `row` or `known` gave.

        Parameters
        ----------
        row : mapping
            Python values; they are checked against types and ranges.

        Returns
        -------
        Record
        """
        return cls(**{name: value for name, value in row.items() if name != "kind"})

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """Read a row written by `to_json`, of this version of the schema or of one before.

        Parameters
        ----------
        row : mapping
            Fields by name; `kind` may be among them.

        Returns
        -------
        Record

        Raises
        ------
        SchemaError
            For an unknown field, a missing one, or a value outside its range.
        """
        rules = {rule.name: rule for rule in field_rules(cls)}
        given = {name: value for name, value in row.items() if name != "kind"}
        if unknown := sorted(set(given) - set(rules)):
            raise SchemaError(
                f"unknown field of a {cls.kind}",
                field=unknown[0],
                fix=f"known are {', '.join(rules)}",
            )
        cls.upgrade(given)
        try:
            return cls(**{k: rules[k].decode(v) for k, v in given.items()})
        except TypeError as error:
            raise SchemaError(str(error), fix="give every required field") from error

    @classmethod
    def upgrade(cls, row: dict[str, Any]) -> None:
        """Rewrite in place what an earlier version of the schema wrote differently.

        Parameters
        ----------
        row : dict
            The fields as they were read, without `kind`; changed in place.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed(Record):
    """What every row seen in a session of a client carries.

    Attributes
    ----------
    session_id : str or None
    group_id : str or None
        What must never be split between training and test.
    project, branch : str or None
        Keyed hashes of the repository's folder and of its branch.
    host : str or None
        Keyed hash of the machine's name, or `local`.
    client : str or None
        The program that ran the agent: `claude-code`, `codex-tui`, `opencode`, ...
    model : str or None
    """

    session_id: str | None = None
    group_id: str | None = None
    project: str | None = None
    branch: str | None = None
    host: str | None = None
    client: str | None = None
    model: str | None = None
