__all__: list[str]

from .advisor import Advice as Advice
from .advisor import Advisor as Advisor
from .loop import HEALING_RETRY_S as HEALING_RETRY_S
from .loop import RuntimeLoop as RuntimeLoop
