__all__: list[str]

from .advising import recommendations as recommendations
from .installation import ADVICE_MODES as ADVICE_MODES
from .installation import EVENTS as EVENTS
from .installation import HookInstallation as HookInstallation
from .installation import InstallationStatus as InstallationStatus
from .performance import Performance as Performance
from .performance import compared as compared
from .performance import measured as measured
from .verbs import HookVerbs as HookVerbs
