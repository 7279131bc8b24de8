__all__: list[str]

from .hook_handler import RULE_TABLE as RULE_TABLE
from .hook_handler import advise as advise
from .hook_handler import main as main
from .hook_handler import reduce_event as reduce_event
