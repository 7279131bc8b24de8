"""Our entries in Claude Code's `settings.json`: merged in, and taken out exactly.

Other people's hooks are never touched. The file as it was is kept beside it until
`uninstall` puts it back byte for byte; where somebody edited the settings in between,
only our entries are taken out and the rest stays as they left it.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError, UsageError

__all__ = ["ADVICE_MODES", "EVENTS", "HookInstallation", "InstallationStatus"]

ADVICE_MODES = ("off", "shadow", "on")

EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "PostToolBatch",
    "Notification",
    "SubagentStart",
    "SubagentStop",
    "TaskCreated",
    "TaskCompleted",
    "TeammateIdle",
    "PreCompact",
    "Stop",
    "StopFailure",
    "SessionEnd",
)
"""The events that carry something a record can hold, or say when a person was waited for."""

TIMEOUT_S = 5
"""What the harness allows; the handler leaves by itself well before."""

HANDLER = Path(__file__).resolve().parents[1] / "hook_handler.py"


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
    """

    settings: Path
    installed: bool
    events: tuple[str, ...] = ()
    advice: str | None = None
    store: Path | None = None
    explore: float = 0.0


class HookInstallation:
    """Installs our hooks in one settings file and removes them.

    Parameters
    ----------
    settings : path
        A `settings.json`; made, with its folder, where there is none.

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

    @property
    def backup(self) -> Path:
        """The settings as they were before us."""
        return self.settings.with_name(f"{self.settings.name}.before-toolkit")

    @property
    def note(self) -> Path:
        """What we wrote, to know later whether somebody else wrote since."""
        return self.settings.with_name(f"{self.settings.name}.toolkit-installed")

    def install(
        self,
        *,
        store: Path | None,
        advice: str = "off",
        bundle: Path | None = None,
        explore: float = 0.0,
    ) -> bool:
        """Merge our entries in, in place of older ones of ours.

        Parameters
        ----------
        store : path or None
            Record store; `None` leaves it to each project's `.toolkit`.
        advice : str
            `off`, `shadow` (records what would have been said) or `on`.
        bundle : path, optional
            Exported model with the `advice.json`; required unless advice is off.
        explore : float
            Share, 0 to 1, of sizes to draw at random from the supported ones.

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
        before = self._read_bytes()
        current = self._parse(before)
        others = without_ours(current)
        merged = with_ours(others, handler_entry(store, advice, bundle, explore))
        if merged == current:
            return False
        self._keep_original(before, current, others)
        data = _dump(merged, before)
        self._noted(sha256=sha256(data).hexdigest())
        self._write(data)
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
        data = self._read_bytes()
        current = self._parse(data)
        others = without_ours(current)
        if data is None or others == current:
            self._forget()
            return False
        if not self._written_by_us(data):
            self._write(_dump(with_empties(others, self._original()), data))
        elif self.backup.exists():
            self._write(self.backup.read_bytes())
        else:
            self.settings.unlink()
        folder_is_ours = self._note().get("folder")
        self._forget()
        if folder_is_ours and not any(self.settings.parent.iterdir()):
            self.settings.parent.rmdir()
        return True

    def status(self) -> InstallationStatus:
        """Tell what is installed.

        Raises
        ------
        InputDataError
            The settings cannot be read.
        """
        current = self._parse(self._read_bytes())
        found = {
            event: hook
            for event, groups in _hooks_of(current).items()
            for group in groups
            for hook in group.get("hooks", [])
            if is_ours(hook)
        }
        if not found:
            return InstallationStatus(settings=self.settings, installed=False)
        words = next(iter(found.values()))["args"]
        options = dict(zip(words[3::2], words[4::2], strict=False))
        store = options.get("--store")
        return InstallationStatus(
            settings=self.settings,
            installed=True,
            events=tuple(found),
            advice=options.get("--advice", "off"),
            store=Path(store) if store else None,
            explore=float(options.get("--explore", 0)),
        )

    def _keep_original(
        self,
        before: bytes | None,
        current: Mapping[str, Any],
        others: Mapping[str, Any],
    ) -> None:
        if before is None:
            self._forget()
            made = not self.settings.parent.exists()
            self.settings.parent.mkdir(parents=True, exist_ok=True)
            self._noted(folder=made)
        elif others == current:
            self.backup.write_bytes(before)
        elif not self._written_by_us(before):
            self.backup.write_bytes(_dump(others, before))

    def _original(self) -> dict[str, Any]:
        return self._parse(self.backup.read_bytes() if self.backup.exists() else None)

    def _written_by_us(self, data: bytes) -> bool:
        return self._note().get("sha256") == sha256(data).hexdigest()

    def _note(self) -> dict[str, Any]:
        try:
            noted = json.loads(self.note.read_bytes())
        except (OSError, ValueError):
            return {}  # without our note the settings count as edited by others
        return noted if isinstance(noted, dict) else {}

    def _noted(self, **facts: object) -> None:
        self.note.write_text(json.dumps({**self._note(), **facts}))

    def _forget(self) -> None:
        self.backup.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _read_bytes(self) -> bytes | None:
        return self.settings.read_bytes() if self.settings.exists() else None

    def _parse(self, data: bytes | None) -> dict[str, Any]:
        if data is None or not data.strip():
            return {}
        try:
            value = json.loads(data.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise InputDataError(
                "not valid JSON",
                file=self.settings,
                fix="mend it by hand; nothing was changed",
            ) from error
        self._check(value)
        return dict(value)

    def _check(self, value: object) -> None:
        problem = None
        if not isinstance(value, dict):
            problem = "not a JSON object"
        elif not isinstance(hooks := value.get("hooks", {}), dict):
            problem = "`hooks` is not an object"
        elif not all(
            isinstance(groups, list) and all(isinstance(g, dict) for g in groups)
            for groups in hooks.values()
        ):
            problem = "`hooks` must hold a list of objects for each event"
        if problem:
            raise InputDataError(
                problem, file=self.settings, fix="mend it by hand; nothing was changed"
            )

    def _write(self, data: bytes) -> None:
        target = self.settings.resolve()
        draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        draft.write_bytes(data)
        if target.exists():
            draft.chmod(target.stat().st_mode & 0o777)
        draft.replace(target)


def handler_entry(
    store: Path | None, advice: str, bundle: Path | None, explore: float
) -> dict[str, Any]:
    """Build our hook entry: an argument list, so that no shell reads a path."""
    words = ["-I", "-S", str(HANDLER)]
    if store is not None:
        words += ["--store", str(store.absolute())]
    words += ["--advice", advice]
    if bundle is not None:
        words += ["--bundle", str(bundle.absolute())]
    if explore:
        words += ["--explore", f"{explore:g}"]
    return {
        "type": "command",
        "command": sys.executable,
        "args": words,
        "timeout": TIMEOUT_S,
    }


def is_ours(hook: object) -> bool:
    """Tell whether a hook entry starts our handler."""
    if not isinstance(hook, dict) or not isinstance(hook.get("args"), list):
        return False
    return any(
        str(word).endswith("toolkit/capture/hook_handler.py") for word in hook["args"]
    )


def without_ours(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Copy settings without our entries, and without what they alone had filled."""
    kept: dict[str, Any] = {}
    for event, groups in _hooks_of(settings).items():
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
        event: groups for event, groups in _hooks_of(original).items() if not groups
    }
    return {**settings, "hooks": {**empty, **_hooks_of(settings)}}


def with_ours(settings: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """Copy settings with our entry behind everybody else's, for each event."""
    hooks = {event: list(groups) for event, groups in _hooks_of(settings).items()}
    for event in EVENTS:
        hooks.setdefault(event, []).append({"hooks": [dict(entry)]})
    return {**settings, "hooks": hooks}


def _group_without_ours(group: Mapping[str, Any]) -> dict[str, Any] | None:
    hooks = group.get("hooks")
    if not isinstance(hooks, list) or not any(is_ours(hook) for hook in hooks):
        return dict(group)
    others = [hook for hook in hooks if not is_ours(hook)]
    return {**group, "hooks": others} if others else None


def _hooks_of(settings: Mapping[str, Any]) -> Mapping[str, list[dict[str, Any]]]:
    return settings.get("hooks") or {}


def _dump(value: Mapping[str, Any], like: bytes | None) -> bytes:
    indent: int | str = 2
    second = (like or b"").split(b"\n")[1:2]
    if second and (margin := second[0][: -len(second[0].lstrip()) or None]):
        indent = "\t" if b"\t" in margin else len(margin)
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass") + b"\n"
