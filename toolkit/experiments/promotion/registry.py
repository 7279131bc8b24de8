"""The registered models where runs are tracked: versions, and the aliases they answer to.

Every step may be done again: a version is found by the tag that it was given, and an
alias that is right already is left alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.environment import silence_telemetry
from toolkit.experiments.training.tracking import own_warnings_ignored, quiet
from toolkit.experiments.training.tracking_database import tracking_address
from toolkit.experiments.training.tracking_elsewhere import given_address, reaching

__all__ = ["Registry"]

TAG = "bundle_version"
LOGGED = "models:/"
"""How the address of a model begins that a run logged; its id follows."""


class Registry:
    """A registered model in `folder/mlflow.db`, or where `MLFLOW_TRACKING_URI` says.

    Parameters
    ----------
    folder : path
    name : str
        Of the registered model.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._address = tracking_address(folder)
        self._opened: Any = None

    def register(self, version: str, model_uri: str) -> None:
        """Register a logged model under a bundle's version, once.

        Parameters
        ----------
        version : str
            Of the bundle; kept as a tag.
        model_uri : str
            As MLflow gave it when the model was logged.
        """
        logged = model_uri.startswith(LOGGED)
        with self._client() as client:
            if self._find(client, version) is None:
                if not self._known(client):
                    client.create_registered_model(self.name)
                client.create_model_version(
                    self.name,
                    model_uri,
                    tags={TAG: version},
                    # A server asks for it: who may read the model may register it.
                    model_id=model_uri.removeprefix(LOGGED) if logged else None,
                )

    def alias(self, alias: str, version: str | None) -> None:
        """Let an alias name a bundle's version, or none; an unknown one is none.

        Parameters
        ----------
        alias : str
            Such as `champion`.
        version : str or None
            `None` takes the alias away.
        """
        with self._client() as client:
            if not self._known(client):
                return
            wanted = None if version is None else self._find(client, version)
            named = client.get_registered_model(self.name).aliases.get(alias)
            if wanted is None and named is not None:
                client.delete_registered_model_alias(self.name, alias)
            elif wanted is not None and str(named) != wanted:
                client.set_registered_model_alias(self.name, alias, wanted)

    def aliases(self) -> dict[str, str]:
        """List the bundle versions that aliases name.

        Returns
        -------
        dict of str to str
            Versions by alias.
        """
        with self._client() as client:
            if not self._known(client):
                return {}
            named = client.get_registered_model(self.name).aliases
            return {
                alias: client.get_model_version(self.name, number).tags[TAG]
                for alias, number in named.items()
            }

    def _known(self, client: Any) -> bool:
        return bool(client.search_registered_models(f"name = '{self.name}'"))

    def _find(self, client: Any, version: str) -> str | None:
        for found in client.search_model_versions(f"name = '{self.name}'"):
            if found.tags.get(TAG) == version:
                return str(found.version)
        return None

    @contextmanager
    def _client(self) -> Iterator[Any]:
        silence_telemetry()
        with quiet(), own_warnings_ignored(), reaching(given_address()):
            if self._opened is None:
                from mlflow import MlflowClient

                self._opened = MlflowClient(self._address, registry_uri=self._address)
            yield self._opened
