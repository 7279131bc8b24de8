__all__: list[str]

from .advisor import Advisor as Advisor
from .advisor import open_advisor as open_advisor
from .load import BackgroundLoad as BackgroundLoad
from .load import SystemLoad as SystemLoad
from .reloading import ReloadingAdvisor as ReloadingAdvisor
