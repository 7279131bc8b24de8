"""The registered models where runs are tracked: versions, and the aliases they answer to.

Every step may be done again: a version is found by the tag that it was given, and an
alias that is right already is left alone.

On a server that several teams share, who serves is decided by a log of releases. MLflow
changes an alias or a tag whatever it said before, so of two who promote at once the later
would win unseen. But it makes a registered model of a name once only: release n + 1 is
made by who knows release n, and by one alone. The alias follows the log.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.environment import silence_telemetry
from toolkit.errors import GateRefusedError, InputDataError
from toolkit.experiments.training.tracking import own_warnings_ignored, quiet
from toolkit.experiments.training.tracking_database import tracking_address
from toolkit.experiments.training.tracking_elsewhere import given_address, reaching
from toolkit.experiments.tuning import shown_address

__all__ = ["Registry", "Release"]

TAG = "bundle_version"
LOGGED = "models:/"
"""How the address of a model begins that a run logged; its id follows."""
CHAMPION, PREVIOUS = "champion", "previous"
"""Tags of a release; an empty one is the rule."""
RELEASES_KEPT = 10
"""Latest releases that stay in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """An entry of the log that teams share.

    Attributes
    ----------
    number : int
        0 before the first.
    champion, previous : str or None
        Versions; `None` is the rule.
    """

    number: int = 0
    champion: str | None = None
    previous: str | None = None


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
                    with _unless_it_exists():
                        client.create_registered_model(self.name)
                client.create_model_version(
                    self.name,
                    model_uri,
                    tags={TAG: version},
                    # A server asks for it: who may read the model may register it.
                    model_id=model_uri.removeprefix(LOGGED) if logged else None,
                )

    @property
    def is_shared(self) -> bool:
        """Whether other teams may use it: it is not the folder's own."""
        return given_address() is not None

    def latest(self) -> Release:
        """Read who serves by the log, or by the alias where there is no log yet."""
        with self._client() as client:
            releases = self._releases(client)
        if releases:
            return releases[-1]
        return Release(champion=self.aliases().get(CHAMPION))

    def release(
        self, champion: str | None, *, previous: str | None, after: Release
    ) -> Release:
        """Put a version in force for all teams, unless another was meanwhile.

        Parameters
        ----------
        champion, previous : str or None
            Versions; `None` is the rule.
        after : Release
            The latest one that was known when this was decided.

        Raises
        ------
        GateRefusedError
            Another team has made a release since.
        """
        made = Release(number=after.number + 1, champion=champion, previous=previous)
        name = self._release_name(made.number)
        with self._client() as client:
            with _unless_it_exists() as existed:
                client.create_registered_model(
                    name,
                    tags={CHAMPION: champion or "", PREVIOUS: previous or ""},
                    description=f"Release {made.number} of {self.name}",
                )
            releases = self._releases(client)
            if not existed and releases[-1] != made:
                client.delete_registered_model(name)  # of a number long gone
            if existed or releases[-1] != made:
                serving = releases[-1].champion or "the rule"
                raise GateRefusedError(
                    f"another team has put {serving} in force for `{self.name}` in the "
                    "meantime; nothing was changed: run this again to be compared with it"
                )
            for old in releases[:-RELEASES_KEPT]:
                client.delete_registered_model(self._release_name(old.number))
        return made

    def fetch(self, version: str, folder: Path) -> Path:
        """Download the bundle of a registered version.

        Parameters
        ----------
        version : str
        folder : path
            An existing one, to download into.

        Returns
        -------
        path
            Of the bundle, not verified.

        Raises
        ------
        InputDataError
            The version is not registered, or its model holds no bundle.
        """
        import mlflow

        with self._client() as client:
            number = self._find(client, version)
            if number is not None:
                mlflow.artifacts.download_artifacts(
                    client.get_model_version_download_uri(self.name, number),
                    dst_path=str(folder),
                    tracking_uri=self._address,
                )
        bundles = sorted(
            path.parent for path in folder.rglob("artifacts/*/manifest.json")
        )
        if len(bundles) != 1:
            raise InputDataError(
                f"`{version}` of `{self.name}` is in force there and holds no bundle",
                file=shown_address(self._address),
                fix="roll it back, or promote another version",
            )
        return bundles[0]

    def alias(self, alias: str, version: str | None) -> None:
        """Let an alias name a bundle's version, or none; an unknown one is none.

        Where teams share the registry the champion is the log's, and no team takes the
        alias of another's challenger away.

        Parameters
        ----------
        alias : str
            Such as `champion`.
        version : str or None
            `None` takes the alias away.
        """
        if not self.is_shared:
            self._alias(alias, version)
        elif alias != CHAMPION:
            if version is not None:
                self._alias(alias, version)
        elif (release := self.latest()).number == 0:
            self._alias(alias, version)
        else:
            self._alias(alias, release.champion)
            while (now := self.latest()) != release:
                release = now
                self._alias(alias, release.champion)

    def _alias(self, alias: str, version: str | None) -> None:
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

    def _releases(self, client: Any) -> list[Release]:
        """Read the log, oldest first."""
        pattern = re.compile(re.escape(self._release_name(0))[:-1] + r"(\d+)")
        found = client.search_registered_models(
            f"name LIKE '{self._release_name(0)[:-1]}%'", max_results=1000
        )
        return sorted(
            (
                Release(
                    number=int(match[1]),
                    champion=entry.tags[CHAMPION] or None,
                    previous=entry.tags[PREVIOUS] or None,
                )
                for entry in found
                if (match := pattern.fullmatch(entry.name)) and CHAMPION in entry.tags
            ),
            key=lambda release: release.number,
        )

    def _release_name(self, number: int) -> str:
        return f"{self.name}-release-{number}"

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


@contextmanager
def _unless_it_exists() -> Iterator[list[str]]:
    """Pass over that a name is taken; the list then holds what the registry said."""
    from mlflow.exceptions import MlflowException

    said: list[str] = []
    try:
        yield said
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        said.append(str(error))
