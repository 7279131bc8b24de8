"""MLflow: a parent run an experiment, a child run a policy.

Runs are kept in a SQLite file and nothing leaves, unless `MLFLOW_TRACKING_URI` is set.
MLflow's own reporting is switched off before it is imported.
"""

import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.bundle import Bundle
from toolkit.environment import silence_telemetry
from toolkit.errors import naming
from toolkit.experiments.training.tracking_database import opening, tracking_address
from toolkit.experiments.training.tracking_elsewhere import (
    given_address,
    is_server,
    reaching,
    use_address,
    without_secrets,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "TrackedRun",
    "own_warnings_ignored",
    "quiet",
    "track",
]

ANONYMOUS: dict[str, Any] = {
    "mlflow.source.name": "toolkit",
    "mlflow.source.type": "LOCAL",
    "mlflow.user": "toolkit",
}
"""Tags that MLflow would fill with the user's name and the path of the program: of runs,
of the sources of data, and of models."""

RUN_CONTEXT = "MLFLOW_RUN_CONTEXT"
"""Variable with the tags that MLflow prefers to what it finds out by itself: they keep
the user's name and the program's path out of everything that is logged."""

PROGRESS_BAR = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
"""Variable that lets MLflow draw a bar on stderr for each file that it fetches."""

ANSWERS: Mapping[str, type] = {
    "action": str,
    "rule": str,
    "rung": str,
    "reason": str,
    "expected_cost": float,
    "cost_low": float,
    "cost_high": float,
    "confidence": float,
}
"""Columns that a logged model answers, a row a context."""


LOUDEST = {
    "alembic": logging.WARNING,
    "mlflow": logging.WARNING,
    "mlflow.tracking.fluent": logging.WARNING,
    "mlflow.utils.environment": logging.ERROR,
    "mlflow.store.db.utils": logging.CRITICAL,
    "sqlalchemy.pool": logging.CRITICAL,
}
"""The least level that each logger may write at while we use it."""


class TrackedRun:
    """An open MLflow run of an experiment.

    Attributes
    ----------
    run_id : str
    """

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Log parameters, nested ones with dots in their names."""
        import mlflow

        mlflow.log_params(_flat(parameters))

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        """Log figures; one call, since each call is a transaction."""
        import mlflow

        mlflow.log_metrics({_legal(name): value for name, value in metrics.items()})

    def log_data(self, frame: "pd.DataFrame", *, name: str, fingerprint: str) -> None:
        """Log the training data's schema, size and fingerprint as the run's input."""
        import mlflow
        from mlflow.data.pandas_dataset import from_pandas

        dataset = from_pandas(frame, name=name, digest=fingerprint[:36])
        mlflow.log_input(dataset, context="training")

    def log_files(self, files: Sequence[Path], folder: str) -> None:
        """Copy files into the run's artifacts."""
        import mlflow

        for path in files:
            mlflow.log_artifact(str(path), folder)

    def describe(self, text: str, *, tags: Mapping[str, str]) -> None:
        """Write the run's description and its tags."""
        import mlflow

        mlflow.set_tags({"mlflow.note.content": text, **tags})

    def log_table(self, name: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Log a table, given by columns, in the form that MLflow shows as one."""
        import mlflow

        rows = [list(row) for row in zip(*columns.values(), strict=True)]
        mlflow.log_dict({"columns": list(columns), "data": rows}, name)
        shown = json.dumps([{"path": name, "type": "table"}])
        mlflow.set_tag("mlflow.loggedArtifacts", shown)

    def log_figure(self, figure: Any, name: str) -> None:
        """Log a figure of matplotlib."""
        import mlflow

        mlflow.log_figure(figure, name)

    def log_model(self, bundle: Bundle, *, name: str) -> str:
        """Log the bundle as a model that takes contexts and answers decisions.

        Parameters
        ----------
        bundle : Bundle
        name : str

        Returns
        -------
        str
            The model's URI.
        """
        import mlflow
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, DataType, Schema

        columns = bundle.manifest.context_columns
        signature = ModelSignature(
            inputs=Schema(
                [
                    ColSpec(
                        DataType.string if c.kind == "category" else DataType.double,
                        c.name,
                        required=False,
                    )
                    for c in columns
                ]
            ),
            outputs=Schema(
                [
                    ColSpec(DataType.string if kind is str else DataType.double, answer)
                    for answer, kind in ANSWERS.items()
                ]
            ),
        )
        with own_warnings_ignored():
            info = mlflow.pyfunc.log_model(
                python_model=str(Path(__file__).with_name("served_model.py")),
                name=name,
                artifacts={"bundle": str(bundle.path)},
                signature=signature,
                pip_requirements=["onnxruntime", "numpy", "pandas"],
                metadata={"columns": list(bundle.manifest.feature_schema.names)},
            )
        return str(info.model_uri)

    @contextmanager
    def child(self, name: str) -> Iterator["TrackedRun"]:
        """Open a child run."""
        import mlflow

        with mlflow.start_run(run_name=name, nested=True) as run:
            yield TrackedRun(run.info.run_id)


@contextmanager
def track(experiment: str, *, folder: Path, run_name: str) -> Iterator[TrackedRun]:
    """Open a run in `folder/mlflow.db`, or where `MLFLOW_TRACKING_URI` says.

    Parameters
    ----------
    experiment, run_name : str
    folder : path
        Created if need be; holds the artifacts too, unless a server keeps them.

    Raises
    ------
    InputDataError
        The address that is given does not answer: nothing is tracked elsewhere instead.
    UsageError
        MLflow misreads the path of the folder.
    """
    silence_telemetry()
    import mlflow

    address, given = tracking_address(folder), given_address()
    place = folder / "mlflow.db" if given is None else without_secrets(given)
    with quiet(), naming(place), _variable(RUN_CONTEXT, json.dumps(ANONYMOUS)):
        with own_warnings_ignored(), opening(folder) as artifacts, reaching(given):
            use_address(address)
            kept_by = given is not None and is_server(given)
            _set_experiment(experiment, None if kept_by else artifacts)
        with mlflow.start_run(run_name=run_name) as run:
            yield TrackedRun(run.info.run_id)


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Give MLflow a setting for a while; it reads them at each call."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _set_experiment(name: str, artifacts: Path | None) -> None:
    """Make an experiment, or bring back one that was deleted, and use it."""
    import mlflow

    known = mlflow.get_experiment_by_name(name)
    if known is None:
        location = None if artifacts is None else artifacts.as_uri()
        mlflow.create_experiment(name, artifact_location=location)
    elif known.lifecycle_stage == "deleted":
        mlflow.MlflowClient().restore_experiment(known.experiment_id)
    mlflow.set_experiment(name)


@contextmanager
def own_warnings_ignored() -> Iterator[None]:
    """Let MLflow load its parts: it warns about its type hints and table mappings.

    Yields
    ------
    None
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Keep migration and registry chatter out of the log, and bars off the screen.

    Warnings stay. What a database raises is logged with its traceback as well as raised:
    once is enough.

    Yields
    ------
    None
    """
    before = {name: logging.getLogger(name).level for name in LOUDEST}
    for name, level in LOUDEST.items():
        logging.getLogger(name).setLevel(level)
    try:
        with _variable(PROGRESS_BAR, "false"):
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _legal(name: str) -> str:
    """MLflow allows letters, digits, `_-./: ` in names."""
    return "".join(c if c.isalnum() or c in "_-./: " else "_" for c in name)
