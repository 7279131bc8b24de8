__all__: list[str]

from .history_replay import Replay as Replay
from .history_replay import replay_history as replay_history
from .policy import read_policy as read_policy
