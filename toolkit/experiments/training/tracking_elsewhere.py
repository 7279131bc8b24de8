"""Tracking somewhere else than in the folder: what `MLFLOW_TRACKING_URI` names."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from toolkit.errors import InputDataError, ToolkitError
from toolkit.experiments.tuning.studies_storage import with_driver

__all__ = [
    "VARIABLE",
    "given_address",
    "is_server",
    "reaching",
    "use_address",
    "without_secrets",
]

VARIABLE = "MLFLOW_TRACKING_URI"
RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
FIRST_RETRIES = "1"
"""Of the first request: MLflow's default of 7 takes minutes to say that nothing answers."""
QUIET = "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"
"""MLflow prints the addresses of runs on a server where `--json` puts its one object."""


def given_address(environment: Mapping[str, str] = os.environ) -> str | None:
    """Read the address that the environment gives; `None` for the folder's own database.

    Parameters
    ----------
    environment : mapping of str to str

    Returns
    -------
    str or None

    Examples
    --------
    >>> given_address({"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"})
    'http://127.0.0.1:5000'
    >>> given_address({"MLFLOW_TRACKING_URI": "postgresql://host/mlflow"})
    'postgresql+psycopg://host/mlflow'
    >>> given_address({"MLFLOW_TRACKING_URI": " "}) is None
    True
    """
    return with_driver(environment.get(VARIABLE, "").strip()) or None


def is_server(address: str) -> bool:
    """Check whether an address is a server's, which keeps artifacts itself."""
    return address.startswith(("http://", "https://"))


def without_secrets(address: str) -> str:
    """Write an address for people: without a user's name and password.

    Examples
    --------
    >>> without_secrets("https://ann:secret@host/path")
    'https://host/path'
    """
    return re.sub(r"//\S*@", "//", address)


def use_address(address: str) -> None:
    """Have this process track at an address, and leave what was given as it was.

    MLflow writes the address into the variable, where the next experiment would read it.
    """
    import mlflow

    given = os.environ.get(VARIABLE)
    mlflow.set_tracking_uri(address)
    os.environ.pop(VARIABLE, None)
    if given is not None:
        os.environ[VARIABLE] = given


@contextmanager
def reaching(address: str | None) -> Iterator[None]:
    """Ask an address for the first time: soon give up, and say what does not answer.

    Parameters
    ----------
    address : str or None
        `None` for the folder's own database, of which nothing is different.

    Yields
    ------
    None

    Raises
    ------
    InputDataError
        It does not answer, or not as MLflow does.
    """
    if address is None:
        yield
        return
    os.environ.setdefault(QUIET, "true")
    chosen = os.environ.get(RETRIES)
    os.environ[RETRIES] = chosen or FIRST_RETRIES
    try:
        yield
    except ToolkitError:
        raise
    except Exception as error:
        kind, said = type(error).__name__, " ".join(str(error).split())
        answered = kind == "RestException"
        raise InputDataError(
            f"MLflow {'refuses' if answered else 'cannot be reached'} "
            f"({kind}: {without_secrets(said)[:200]})",
            file=without_secrets(address),
            field=VARIABLE,
            fix="start it, or unset the variable to track in the work folder",
        ) from error
    finally:
        if chosen is None:
            del os.environ[RETRIES]
