"""The hook verbs of a swarm, and their installation in Claude Code."""

from toolkit.runtime.hooks.installation import (
    ADVICE_MODES,
    EVENTS,
    HookInstallation,
    InstallationStatus,
)

__all__ = ["ADVICE_MODES", "EVENTS", "HookInstallation", "InstallationStatus"]
