"""An experiment's specification: frozen, read from TOML once, printed with its result."""

import re
from dataclasses import asdict, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from toolkit.declaration import declared_schema, read_declared
from toolkit.features import TRAINABLE
from toolkit.policies import Constraint

__all__ = [
    "DECISIONS",
    "BundleSpec",
    "DataSpec",
    "ExperimentSpec",
    "GuardSpec",
    "SearchSpec",
    "SplitSpec",
    "read_spec",
    "spec_schema",
]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""What names a model, a folder and a registered version alike, on every system; MLflow
allows no dot in the name of a logged model, and says so after the training only."""


DECISIONS = ("batch_size", "agent_count")


def _decision(value: str) -> str:
    if value not in DECISIONS:
        fix = f"write {' or '.join(DECISIONS)}"
        raise PydanticCustomError("decision", "unknown decision", {"fix": fix})
    return value


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise PydanticCustomError(
            "name",
            "not a name",
            {"fix": "write 1 to 64 letters, digits, dashes or underscores"},
        )
    return value


def _renamed(value: Any) -> Any:
    """Read fields of a specification that was written before they had their names."""
    if isinstance(value, dict) and "families" in value:
        return {RENAMED.get(name, name): given for name, given in value.items()}
    return value


RENAMED = {"families": "members"}

CHECKED = ConfigDict(extra="forbid", allow_inf_nan=False)

Name = Annotated[
    str,
    AfterValidator(_name),
    Field(json_schema_extra={"pattern": f"^{NAME.pattern}$"}),
]
Texts = tuple[str, ...]
Whole = Annotated[int, Field(strict=True)]
Folds = Annotated[int, Field(strict=True, ge=2, le=50)]
Number = Annotated[float, Field(strict=True)]
Share = Annotated[float, Field(strict=True, ge=0.5, le=0.9999)]


@dataclass(frozen=True, slots=True, kw_only=True, config=CHECKED)
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

    records: Annotated[
        str, Field(description="folder of spooled records; `--store DIR` replaces it")
    ] = "data/sample"
    provenances: Annotated[
        Texts,
        Field(
            description="which records teach: measured, derived, declared (also suspect, "
            "simulated)"
        ),
    ] = TRAINABLE
    context: Annotated[
        Texts,
        Field(
            description="context columns that may be read, declared ones too; none named: "
            "all that are known"
        ),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=CHECKED)
class SplitSpec:
    """How groups are left out.

    Attributes
    ----------
    outer_folds : int
        Folds whose groups only judge, at least 2.
    inner_folds : int
        Folds inside the training groups, for tuning, at least 2.
    by : str
        What a group is, which is never split: `project`, `branch`, `host`, `client` or
        `session`. Empty: what the records name; of an observed history, the project.
    """

    outer_folds: Annotated[
        Folds, Field(description="folds whose groups only judge")
    ] = 4
    inner_folds: Annotated[
        Folds, Field(description="folds inside the training groups, for tuning")
    ] = 3
    by: Annotated[
        Literal["", "project", "branch", "host", "client", "session"],
        Field(
            description="what is never split: project, branch, host, client or session; "
            "none named: the project of an observed history, else the group of a record"
        ),
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True, config=CHECKED)
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

    trials: Annotated[
        Whole,
        Field(
            ge=1,
            le=10_000,
            description="trials for each tuned number of the rule, in each fold",
        ),
    ] = 12
    members: Annotated[
        Texts,
        Field(description="members of the stack by name; none named: all of them"),
    ] = ()
    estimators: Annotated[
        Texts,
        Field(
            description="regressors of scikit-learn beside them, each as "
            '"MODULE:NAME" of what makes one'
        ),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=CHECKED)
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

    level: Annotated[
        Share,
        Field(
            description="one-sided level at which a learned answer must beat the rung below"
        ),
    ] = 0.95
    assumes: Annotated[
        Literal["", "normal"],
        Field(
            description="nothing (then 95 % needs 19 groups), or normal (group means are)"
        ),
    ] = ""
    minimum_support: Annotated[
        Number,
        Field(
            ge=1,
            le=1e9,
            description="past rows within a quarter of a size before it is answered",
        ),
    ] = 5.0
    interval: Annotated[
        Share, Field(description="nominal coverage of the cost interval")
    ] = 0.9


@dataclass(frozen=True, slots=True, kw_only=True, config=CHECKED)
class BundleSpec:
    """What is exported.

    Attributes
    ----------
    name : str
    expires_days : float
        Days until the rule answers again.
    """

    name: Annotated[
        Name,
        Field(
            description="of the exported model: letters, digits, dashes or underscores"
        ),
    ] = "model"
    expires_days: Annotated[
        Number,
        Field(ge=0.001, le=3650, description="days until the rule answers again"),
    ] = 90.0


@dataclass(frozen=True, slots=True, kw_only=True, config=CHECKED)
class ConstraintSpec:
    """A bound on an outcome beside the cost.

    Attributes
    ----------
    at_most : float
        Above 0, in the outcome's unit.
    probability : float
        With which every answer must keep it, 0.5 to 1.
    """

    at_most: Annotated[
        Number, Field(ge=1e-9, le=1e18, description="limit, in the outcome's unit")
    ]
    probability: Annotated[
        Share, Field(description="with which every answer must keep it")
    ]


@dataclass(frozen=True, slots=True, kw_only=True, config=CHECKED)
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
    constraints : mapping of str to ConstraintSpec
        What every answer must keep beside its cost, by the outcome's name.
    """

    name: Annotated[
        Name,
        Field(description="of the experiment: letters, digits, dashes or underscores"),
    ]
    decision: Annotated[
        str,
        AfterValidator(_decision),
        Field(
            description="batch_size or agent_count",
            json_schema_extra={"enum": list(DECISIONS)},
        ),
    ]
    question: Annotated[
        str, Field(description="what is to be found out, in one sentence")
    ]
    seed: Annotated[Whole, Field(description="of everything that is drawn")] = 0
    price_exponent: Annotated[
        Number,
        Field(
            ge=0,
            le=1,
            description="money weight of an agent count's cost: 0 time only, 1 money only",
        ),
    ] = 0.5
    constraints: Annotated[
        dict[str, ConstraintSpec],
        Field(
            description="outcomes that every answer must keep beside its cost: "
            "{p95_s = {at_most = 30, probability = 0.9}}",
            json_schema_extra={"default": {}},
        ),
    ] = field(default_factory=dict)
    data: DataSpec = field(default_factory=DataSpec)
    split: SplitSpec = field(default_factory=SplitSpec)
    search: Annotated[SearchSpec, BeforeValidator(_renamed)] = field(
        default_factory=SearchSpec
    )
    guard: GuardSpec = field(default_factory=GuardSpec)
    bundle: BundleSpec = field(default_factory=BundleSpec)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            JSON types, defaults filled in; constraints only where there are some.
        """
        value = asdict(self)
        if not self.constraints:
            del value["constraints"]
        return value

    @property
    def asked(self) -> tuple[Constraint, ...]:
        """The constraints, each with its name."""
        return tuple(
            Constraint(name=name, at_most=each.at_most, probability=each.probability)
            for name, each in self.constraints.items()
        )


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
        Naming the file, and of each problem the line, the field, what was got and what to
        write.
    """
    return read_declared(path, lambda _: ExperimentSpec, fix="name a spec.toml")


def spec_schema() -> dict[str, Any]:
    """Build the JSON Schema of a specification (draft 2020-12).

    Returns
    -------
    dict
        Fields that are not declared are refused by it.

    Examples
    --------
    >>> spec_schema()["required"]
    ['name', 'decision', 'question']
    """
    return declared_schema(ExperimentSpec, title="Specification of an experiment")
