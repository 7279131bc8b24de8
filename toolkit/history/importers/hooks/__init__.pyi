__all__: list[str]

from .events import HookJoiner as HookJoiner
from .spool import join_hooks as join_hooks
