__all__: list[str]

from .hook_advice import RULE_TABLE as RULE_TABLE
from .hook_advice import advise as advise
from .hook_advice import sealed_table as sealed_table
from .hook_handler import main as main
from .hook_handler import reduce_event as reduce_event
