__all__: list[str]

from .loop import HEALING_RETRY_S as HEALING_RETRY_S
from .loop import RuntimeLoop as RuntimeLoop
