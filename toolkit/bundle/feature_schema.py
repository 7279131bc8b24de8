"""Columns of a feature table and how a row becomes the numbers a model reads.

Declared once: the training side builds its design matrix with the same `encode` that
the runtime uses, and the declaration travels in the bundle's manifest.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import SchemaError, UsageError
from toolkit.policies import Problem, Value

__all__ = ["Column", "FeatureSchema", "Float32s", "read_columns"]

Float32s = NDArray[np.float32]

KINDS = ("number", "category")
FLOAT32 = 3.4e38


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column that a model reads.

    Parameters
    ----------
    name : str
    kind : str
        `number` or `category`.
    unit : str
        SI unit, `ratio`, `count` or `category`.
    about : str
        What it means, in a few words.
    categories : tuple of str
        Known values of a category; any other value is all zeros.
    log : bool
        Encode the natural logarithm of one plus the value (costs and sizes in bytes).
    """

    name: str
    kind: str = "number"
    unit: str = "count"
    about: str = ""
    categories: tuple[str, ...] = ()
    log: bool = False

    def __post_init__(self) -> None:
        """Refuse a kind that nothing can encode."""
        if self.kind not in KINDS:
            raise UsageError.unknown("column kind", self.kind, list(KINDS))

    @property
    def width(self) -> int:
        """Numbers that this column becomes."""
        return len(self.categories) if self.kind == "category" else 1

    def to_json(self) -> dict[str, Any]:
        """Write the declaration as JSON types.

        Returns
        -------
        dict
        """
        return {
            "name": self.name,
            "kind": self.kind,
            "unit": self.unit,
            "about": self.about,
            "categories": list(self.categories),
            "log": self.log,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSchema:
    """What a model reads: the context's columns, then the action's.

    An action `a` is encoded as its natural logarithm, so that the models see ratios
    between sizes; the scalability law takes the exponential back. Decision tables bring
    their actions as logarithms already: `action_is_log` passes them as they are.

    Parameters
    ----------
    context : tuple of Column
    action : tuple of Column
    action_is_log : bool

    Examples
    --------
    >>> schema = FeatureSchema(
    ...     context=(
    ...         Column(name="kind", kind="category", categories=("read", "write")),
    ...         Column(name="load", unit="ratio"),
    ...     ),
    ...     action=(Column(name="size"),),
    ... )
    >>> problem = Problem.of("size", [1, 2], kind="write", load=None)
    >>> schema.encode(problem)
    array([[0.   , 1.   ,   nan, 0.   ],
           [0.   , 1.   ,   nan, 0.693]], dtype=float32)
    """

    context: tuple[Column, ...]
    action: tuple[Column, ...]
    action_is_log: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the encoded numbers, in order."""
        names: list[str] = []
        for column in self.context:
            if column.kind == "category":
                names += [f"{column.name}={value}" for value in column.categories]
            else:
                names.append(column.name)
        return (*names, *(f"log {column.name}" for column in self.action))

    @property
    def width(self) -> int:
        """Length of an encoded row."""
        return sum(column.width for column in self.context) + len(self.action)

    @property
    def action_position(self) -> int:
        """Position of the first action number in an encoded row."""
        return self.width - len(self.action)

    def encode(self, problem: Problem) -> Float32s:
        """Encode every action of a problem, shape (n_actions, width).

        Parameters
        ----------
        problem : Problem

        Returns
        -------
        array of float32, shape (n_actions, width)
            Context first, the same in each row, then the actions.

        Raises
        ------
        SchemaError
            Where the problem's action columns are not this schema's, or a number is
            not one.
        """
        expected = tuple(column.name for column in self.action)
        if problem.action_columns != expected:
            raise SchemaError(
                "the model decides over other columns",
                field="action_columns",
                got=problem.action_columns,
                fix=f"offer actions with columns {expected}",
            )
        row = np.empty((len(problem.actions), self.width), dtype=np.float32)
        row[:, : self.action_position] = self.encode_context(problem.context)
        row[:, self.action_position :] = self.encode_actions(problem.actions)
        return row

    def encode_actions(self, actions: NDArray[np.float64]) -> Float32s:
        """Encode action numbers of shape (n, n_action_columns).

        Parameters
        ----------
        actions : array of shape (n, n_action_columns)
            Above 0, unless the schema has them as logarithms already.

        Returns
        -------
        array of float32, shape (n, n_action_columns)
            Natural logarithms.

        Raises
        ------
        SchemaError
            A number that is not above 0.
        """
        if self.action_is_log:
            return actions.astype(np.float32)
        if not (actions > 0).all():
            raise SchemaError("not a positive number", field=self.action[0].name)
        return np.log(actions).astype(np.float32)

    def encode_context(self, context: Mapping[str, Value]) -> Float32s:
        """Encode a context, shape (width - n_action_columns,); unknown is NaN.

        Parameters
        ----------
        context : mapping
            Values by column; columns that are not declared are not looked at.

        Returns
        -------
        array of float32
            One number a column, or one for each category, 0 or 1.
        """
        numbers: list[float] = []
        for column in self.context:
            value = context.get(column.name)
            if column.kind == "category":
                numbers += [float(value == category) for category in column.categories]
            else:
                numbers.append(_encoded_number(column, value))
        return np.array(numbers, dtype=np.float32)

    def to_json(self) -> dict[str, Any]:
        """Write the declaration as JSON types.

        Returns
        -------
        dict
        """
        return {
            "context": [column.to_json() for column in self.context],
            "action": [column.to_json() for column in self.action],
            "action_is_log": self.action_is_log,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "FeatureSchema":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Returns
        -------
        FeatureSchema

        Raises
        ------
        SchemaError
            Where something is missing or of another type.
        """
        try:
            return cls(
                context=read_columns(value["context"]),
                action=read_columns(value["action"]),
                action_is_log=bool(value["action_is_log"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise SchemaError(
                "not a feature schema", field="feature_schema", got=str(error)
            ) from error


def read_columns(rows: Iterable[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Read what `Column.to_json` wrote, of several."""
    return tuple(map(_column, rows))


def _column(row: Mapping[str, Any]) -> Column:
    return Column(
        name=str(row["name"]),
        kind=str(row["kind"]),
        unit=str(row["unit"]),
        about=str(row["about"]),
        categories=tuple(map(str, row["categories"])),
        log=bool(row["log"]),
    )


def _encoded_number(column: Column, value: Value) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str) or abs(value) > FLOAT32:
        raise SchemaError("not a number of 32 bits", field=column.name, got=value)
    if not column.log:
        return float(value)
    if value <= -1:
        raise SchemaError("not a size", field=column.name, got=value)
    return math.log1p(value)
