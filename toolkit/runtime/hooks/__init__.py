"""The hook verbs of a swarm as a library, and their installation in Claude Code.

`HookVerbs(store, clock=..., notifier=...)` has `pre_task`, `post_edit`, `notify` and
`post_task`, with the flags of the specification's section 5 as arguments.
"""

from toolkit.runtime.hooks.advising import recommendations
from toolkit.runtime.hooks.installation import (
    ADVICE_MODES,
    EVENTS,
    HookInstallation,
    InstallationStatus,
)
from toolkit.runtime.hooks.performance import Performance, compared, measured
from toolkit.runtime.hooks.verbs import HookVerbs

__all__ = [
    "ADVICE_MODES",
    "EVENTS",
    "HookInstallation",
    "HookVerbs",
    "InstallationStatus",
    "Performance",
    "compared",
    "measured",
    "recommendations",
]
