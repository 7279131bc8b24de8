__all__: list[str]

from .hook_advice import RULE_TABLE as RULE_TABLE
from .hook_advice import sealed_table as sealed_table
from .session_trial import begin_trial as begin_trial
from .session_trial import drawn_arms as drawn_arms
from .session_trial import end_trial as end_trial
from .session_trial import read_trial as read_trial
