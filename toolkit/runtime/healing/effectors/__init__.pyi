__all__: list[str]

from .advisory import AdvisoryEffector as AdvisoryEffector
from .base import Action as Action
from .base import Effect as Effect
from .base import Effector as Effector
from .base import EffectOutcome as EffectOutcome
from .base import ProcessEffector as ProcessEffector
from .dry_run import DryRunEffector as DryRunEffector
