__all__: list[str]

from .events import HookJoiner as HookJoiner
from .spool import HookTail as HookTail
from .spool import join_hooks as join_hooks
from .spool import read_place as read_place
