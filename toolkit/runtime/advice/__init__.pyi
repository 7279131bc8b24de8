__all__: list[str]

from .advisor import LadderAdvisor as LadderAdvisor
from .advisor import open_advisor as open_advisor
from .columns import CONTEXT_COLUMNS as CONTEXT_COLUMNS
from .load import BackgroundLoad as BackgroundLoad
from .load import SystemLoad as SystemLoad
from .reloading import ReloadingAdvisor as ReloadingAdvisor
