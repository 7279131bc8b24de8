"""Chaos: real faults injected into real processes, and what healing makes of them.

It composes the runtime with an experiment, so it lives with the commands.
"""

from toolkit.cli.chaos.episode import Case, EpisodeResult, run_episode
from toolkit.cli.chaos.faults import CONTROLS, FAULTS
from toolkit.cli.chaos.study import (
    ChaosSpec,
    HealerSpec,
    read_spec,
    run_study,
    summarise,
)

__all__ = [
    "CONTROLS",
    "FAULTS",
    "Case",
    "ChaosSpec",
    "EpisodeResult",
    "HealerSpec",
    "read_spec",
    "run_episode",
    "run_study",
    "summarise",
]
