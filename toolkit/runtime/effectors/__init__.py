"""How a healer acts: the contract, and one file for each kind of swarm."""

from toolkit.runtime.effectors.advisory import AdvisoryEffector
from toolkit.runtime.effectors.base import Action, Effect, Effector, EffectOutcome
from toolkit.runtime.effectors.dry_run import DryRunEffector
from toolkit.testing.pool import LocalPoolEffector

__all__ = [
    "Action",
    "AdvisoryEffector",
    "DryRunEffector",
    "Effect",
    "EffectOutcome",
    "Effector",
    "LocalPoolEffector",
]
