"""Our entries in Claude Code's settings: merged in, and taken out exactly.

Other people's hooks are never touched. The file as it was is kept beside it until
`uninstall` puts it back byte for byte; where the settings were edited in between,
only our entries are taken out and the rest stays as they left it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from toolkit.capture.hooks.entry import handler_entry, is_ours, words_of
from toolkit.capture.hooks.harness import CURRENT, HarnessVersion
from toolkit.capture.hooks.settings import SettingsFile, dump, hooks_of
from toolkit.errors import UsageError
from toolkit.records import draft_file, read_given

__all__ = ["ADVICE_MODES", "HookInstallation", "InstallationStatus"]

ADVICE_MODES = ("off", "shadow", "on")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationStatus:
    """What one settings file holds of ours.

    Attributes
    ----------
    settings : path
    installed : bool
    events : tuple of str
        Events with our entry.
    advice : str or None
        `off`, `shadow` or `on`; `None` where nothing is installed.
    store : path or None
        Where events are recorded; `None` is `.toolkit` in each project.
    explore : float
        Share of sizes that are tried at random; 0 where exploring is off.
    entry : mapping
        The entry as the harness reads it; empty where nothing is installed.
    """

    settings: Path
    installed: bool
    events: tuple[str, ...] = ()
    advice: str | None = None
    store: Path | None = None
    explore: float = 0.0
    entry: Mapping[str, Any] | None = None


class HookInstallation:
    """Installs our hooks in one settings file and removes them.

    Parameters
    ----------
    settings : path
        A settings file; made, with its folder, where there is none.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> hooks = HookInstallation(folder / "settings.json")
    >>> hooks.install(store=folder / "store", advice="shadow")
    True
    >>> hooks.install(store=folder / "store", advice="shadow")
    False
    >>> hooks.status().advice
    'shadow'
    >>> hooks.uninstall(), hooks.settings.exists()
    (True, False)
    """

    def __init__(self, settings: Path) -> None:
        self.settings = settings
        self._file = SettingsFile(settings)

    @property
    def backup(self) -> Path:
        """The settings as they were before us."""
        return self.settings.with_name(f"{self.settings.name}.before-toolkit")

    @property
    def note(self) -> Path:
        """What we wrote, to know later whether they were changed since."""
        return self.settings.with_name(f"{self.settings.name}.toolkit-installed")

    def install(
        self,
        *,
        store: Path | None,
        advice: str = "off",
        bundle: Path | None = None,
        explore: float = 0.0,
        harness: HarnessVersion = CURRENT,
    ) -> bool:
        """Merge our entries in, in place of older ones of ours.

        Parameters
        ----------
        store : path or None
            Record store; `None` leaves it to each project's `.toolkit`.
        advice : str
            `off`, `shadow` (records what would have been said) or `on`.
        bundle : path, optional
            Exported model with the `advice.json`; without one only the sizes that the
            rule allows can be explored.
        explore : float
            Share, 0 to 1, of sizes to draw at random from the supported ones.
        harness : HarnessVersion
            Only events and fields that this version knows are written.

        Returns
        -------
        bool
            False where everything was in place already.

        Raises
        ------
        UsageError
            Unknown mode, or a share outside 0 to 1.
        InputDataError
            The settings are not JSON of the expected shape; nothing was written.
        """
        if advice not in ADVICE_MODES:
            raise UsageError.unknown("advice mode", advice, list(ADVICE_MODES))
        if not 0 <= explore <= 1:
            raise UsageError(f"`explore` must be in 0..1 (got {explore})")
        before = self._file.read()
        current = self._file.parse(before)
        others = without_ours(current)
        entry = handler_entry(store, advice, bundle, explore, harness)
        merged = with_ours(others, entry, harness)
        if merged == current:
            return False
        self._keep_original(before, current, others)
        data = dump(merged, before)
        self._noted(sha256=sha256(data).hexdigest())
        self._file.write(data)
        return True

    def uninstall(self) -> bool:
        """Take our entries out again.

        Returns
        -------
        bool
            False where nothing of ours was there.

        Raises
        ------
        InputDataError
            The settings are not JSON of the expected shape; nothing was written.
        """
        data = self._file.read()
        current = self._file.parse(data)
        others = without_ours(current)
        if data is None or others == current:
            self._forget()
            return False
        if not self._written_by_us(data):
            self._file.write(dump(with_empties(others, self._original()), data))
        elif self.backup.exists():
            self._file.write(read_given(self.backup))
        else:
            self._file.remove()
        folder_is_ours = self._note().get("folder")
        self._forget()
        if folder_is_ours and not any(self.settings.parent.iterdir()):
            self.settings.parent.rmdir()
        return True

    def status(self) -> InstallationStatus:
        """Read what is installed.

        Returns
        -------
        InstallationStatus

        Raises
        ------
        InputDataError
            The settings cannot be read.
        """
        current = self._file.parse(self._file.read())
        found = {
            event: hook
            for event, groups in hooks_of(current).items()
            for group in groups
            for hook in group.get("hooks", [])
            if is_ours(hook)
        }
        if not found:
            return InstallationStatus(settings=self.settings, installed=False)
        entry = next(iter(found.values()))
        words = words_of(entry)
        options = dict(zip(words[4::2], words[5::2], strict=False))
        store = options.get("--store")
        return InstallationStatus(
            settings=self.settings,
            installed=True,
            events=tuple(found),
            advice=options.get("--advice", "off"),
            store=Path(store) if store else None,
            explore=_share(options.get("--explore")),
            entry=entry,
        )

    def _keep_original(
        self,
        before: bytes | None,
        current: Mapping[str, Any],
        others: Mapping[str, Any],
    ) -> None:
        if before is None:
            made = not self.settings.parent.exists()
            self.settings.parent.mkdir(parents=True, exist_ok=True)
            self._forget()
            self._noted(folder=made)
        elif others == current:
            self._back_up(before)
        elif not self._written_by_us(before):
            self._back_up(dump(others, before))

    def _back_up(self, data: bytes) -> None:
        """Keep the settings as they were, as private as they were."""
        mode = self.settings.stat().st_mode & 0o777
        with draft_file(self.backup, mode=mode) as stream:
            stream.write(data)

    def _original(self) -> dict[str, Any]:
        kept = read_given(self.backup) if self.backup.exists() else None
        return self._file.parse(kept)

    def _written_by_us(self, data: bytes) -> bool:
        return self._note().get("sha256") == sha256(data).hexdigest()

    def _note(self) -> dict[str, Any]:
        try:
            noted = json.loads(read_given(self.note))
        except (OSError, ValueError):
            return {}  # without our note the settings count as edited by others
        return noted if isinstance(noted, dict) else {}

    def _noted(self, **facts: object) -> None:
        text = json.dumps({**self._note(), **facts})
        with draft_file(self.note, mode=0o600) as stream:
            stream.write(text.encode())

    def _forget(self) -> None:
        self.backup.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def without_ours(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Copy settings without our entries, and without what they alone had filled."""
    kept: dict[str, Any] = {}
    for event, groups in hooks_of(settings).items():
        others = [_group_without_ours(group) for group in groups]
        remaining = [group for group in others if group is not None]
        if remaining or not groups:
            kept[event] = remaining
    copy = dict(settings)
    if kept or ("hooks" in settings and not settings["hooks"]):
        copy["hooks"] = kept
    else:
        copy.pop("hooks", None)
    return copy


def with_empties(
    settings: Mapping[str, Any], original: Mapping[str, Any]
) -> dict[str, Any]:
    """Copy settings with the empty lists that the original had and our entries filled."""
    if "hooks" not in original:
        return dict(settings)
    empty = {
        event: groups for event, groups in hooks_of(original).items() if not groups
    }
    return {**settings, "hooks": {**empty, **hooks_of(settings)}}


def with_ours(
    settings: Mapping[str, Any],
    entry: Mapping[str, Any],
    harness: HarnessVersion = CURRENT,
) -> dict[str, Any]:
    """Copy settings with our entry behind everybody else's, for each known event."""
    hooks = {event: list(groups) for event, groups in hooks_of(settings).items()}
    for event in harness.events:
        hooks.setdefault(event, []).append({"hooks": [dict(entry)]})
    return {**settings, "hooks": hooks}


def _group_without_ours(group: Mapping[str, Any]) -> dict[str, Any] | None:
    hooks = group.get("hooks")
    if not isinstance(hooks, list) or not any(is_ours(hook) for hook in hooks):
        return dict(group)
    others = [hook for hook in hooks if not is_ours(hook)]
    return {**group, "hooks": others} if others else None


def _share(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
