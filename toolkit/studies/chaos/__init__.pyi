__all__: list[str]

from .episode import Case as Case
from .episode import EpisodeResult as EpisodeResult
from .episode import run_episode as run_episode
from .faults import COMPOSED as COMPOSED
from .faults import CONTROLS as CONTROLS
from .faults import FAULTS as FAULTS
from .faults import HARD_FAULTS as HARD_FAULTS
from .healer import START as START
from .study import ChaosSpec as ChaosSpec
from .study import HealerSpec as HealerSpec
from .study import read_spec as read_spec
from .study import run_study as run_study
from .study import summarise as summarise
