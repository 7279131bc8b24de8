"""An experiment's specification: frozen, read from TOML once, printed with its result."""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.features import TRAINABLE
from toolkit.records import read_given

__all__ = [
    "BOUNDS",
    "DECISIONS",
    "NAME",
    "SECTIONS",
    "BundleSpec",
    "DataSpec",
    "ExperimentSpec",
    "GuardSpec",
    "SearchSpec",
    "SplitSpec",
    "read_spec",
]

DECISIONS: tuple[str, ...] = ("batch_size", "agent_count")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSpec:
    """Where the records come from.

    Attributes
    ----------
    records : str
        Folder of spooled records, relative to the project's root; the command line's
        `--store` replaces it.
    provenances : tuple of str
        Which rows train; suspect and simulated ones must be named aloud.
    context : tuple of str
        Context columns that the model may read, those known where it will serve: a hook
        knows `load_cpu`, `load_memory` and `read_share`. Empty: every column that the
        records know.
    """

    records: str = "data/sample"
    provenances: tuple[str, ...] = TRAINABLE
    context: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSpec:
    """How groups are left out.

    Attributes
    ----------
    outer_folds : int
        Folds whose groups only judge, at least 2.
    inner_folds : int
        Folds inside the training groups, for tuning, at least 2.
    """

    outer_folds: int = 4
    inner_folds: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSpec:
    """How much is tuned, and which members the stack has.

    Attributes
    ----------
    trials : int
        Optuna trials for each tuned number of the rule, in each fold.
    members : tuple of str
        Members of the stack, by name; empty means all of them.
    estimators : tuple of str
        Regressors of scikit-learn beside them, each as `MODULE:NAME` of something that
        makes one when it is called without arguments.
    """

    trials: int = 12
    members: tuple[str, ...] = ()
    estimators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSpec:
    """When a learned answer may replace the rule's.

    Attributes
    ----------
    level : float
        One-sided level of the bound of each rung against the one below, 0.5 to 1.
    assumes : str
        Distributional assumption: none (a bound of 95 % needs 19 groups), or `normal`
        (group means are, and six groups are enough).
    minimum_support : float
        Past rows within a quarter of the size.
    interval : float
        Nominal coverage of the cost interval, 0 to 1.
    """

    level: float = 0.95
    assumes: str = ""
    minimum_support: float = 5.0
    interval: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSpec:
    """What is exported.

    Attributes
    ----------
    name : str
    expires_days : float
        Days until the rule answers again.
    """

    name: str = "model"
    expires_days: float = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSpec:
    """All of an experiment.

    Attributes
    ----------
    name, question : str
    decision : str
        `batch_size` or `agent_count`.
    seed : int
    price_exponent : float
        Money weight of a workflow's cost, 0 (time only) to 1 (money only).
    """

    name: str
    decision: str
    question: str
    seed: int = 0
    price_exponent: float = 0.5
    data: DataSpec = field(default_factory=DataSpec)
    split: SplitSpec = field(default_factory=SplitSpec)
    search: SearchSpec = field(default_factory=SearchSpec)
    guard: GuardSpec = field(default_factory=GuardSpec)
    bundle: BundleSpec = field(default_factory=BundleSpec)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            JSON types, defaults filled in.
        """
        return asdict(self)


SECTIONS: Mapping[str, type] = {
    "data": DataSpec,
    "split": SplitSpec,
    "search": SearchSpec,
    "guard": GuardSpec,
    "bundle": BundleSpec,
}

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""What names a model, a folder and a registered version alike, on every system; MLflow
allows no dot in the name of a logged model, and says so after the training only."""

RENAMED = {"search.families": "members"}
"""Fields of specifications written before they had their present name."""

_NAMES = ("name", "bundle.name")

BOUNDS: Mapping[str, tuple[float, float]] = {
    "price_exponent": (0.0, 1.0),
    "outer_folds": (2, 50),
    "inner_folds": (2, 50),
    "trials": (1, 10_000),
    "level": (0.5, 0.9999),
    "interval": (0.5, 0.9999),
    "minimum_support": (1, 1e9),
    "expires_days": (0.001, 3650),
}


def read_spec(path: Path) -> ExperimentSpec:
    """Read and check a specification.

    Parameters
    ----------
    path : path
        A TOML file.

    Returns
    -------
    ExperimentSpec

    Raises
    ------
    InputDataError
        Naming the file, the field, what was got and what to write.
    """
    try:
        table = tomllib.loads(read_given(path).decode("utf-8"))
    except OSError as error:
        raise InputDataError(
            f"cannot be read: {error.strerror}", file=path, fix="name a spec.toml"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputDataError(f"not TOML: {error}", file=path) from error
    sections = {
        name: _section(path, cls, table.pop(name, {}), name)
        for name, cls in SECTIONS.items()
    }
    spec: ExperimentSpec = _section(path, ExperimentSpec, {**table, **sections}, "")
    if spec.decision not in DECISIONS:
        raise InputDataError(
            "unknown decision",
            file=path,
            field="decision",
            got=spec.decision,
            fix=f"write one of {', '.join(DECISIONS)}",
        )
    return spec


def _section(path: Path, cls: type, values: Mapping[str, Any], where: str) -> Any:
    known = {declared.name: str(declared.type) for declared in fields(cls)}
    checked = {}
    for written, value in values.items():
        place = f"{where}.{written}" if where else written
        name = RENAMED.get(place, written)
        if name not in known:
            raise InputDataError(
                "unknown field",
                file=path,
                field=place,
                fix=f"known are {', '.join(known)}",
            )
        checked[name] = _checked(path, place, known[name], value)
    try:
        return cls(**checked)
    except TypeError as error:
        raise InputDataError(str(error), file=path, fix="add the field") from error


def _checked(path: Path, place: str, expected: str, value: Any) -> Any:
    if "tuple" in expected:
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise InputDataError(
                "not a list of strings", file=path, field=place, got=value
            )
        return tuple(value)
    wanted: tuple[type, ...] = {
        "<class 'int'>": (int,),
        "<class 'float'>": (int, float),
        "<class 'str'>": (str,),
    }.get(expected, (object,))
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise InputDataError(
            f"not of type {expected}", file=path, field=place, got=value
        )
    if place in _NAMES and not NAME.fullmatch(str(value)):
        raise InputDataError(
            "not a name",
            file=path,
            field=place,
            got=value,
            fix="write 1 to 64 letters, digits, dashes or underscores",
        )
    low, high = BOUNDS.get(place.rsplit(".", 1)[-1], (-math.inf, math.inf))
    if isinstance(value, (int, float)) and not low <= value <= high:
        raise InputDataError(
            f"outside {low:g} to {high:g}", file=path, field=place, got=value
        )
    return value
