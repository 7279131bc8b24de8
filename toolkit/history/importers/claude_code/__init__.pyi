__all__: list[str]

from .agents import ActiveAgents as ActiveAgents
from .calls import INTERRUPTED as INTERRUPTED
from .calls import REFUSED as REFUSED
from .calls import SIBLING as SIBLING
from .calls import Call as Call
from .calls import Reply as Reply
from .records import records_of as records_of
from .source import ClaudeCodeSource as ClaudeCodeSource
from .streams import MAIN as MAIN
from .streams import Stream as Stream
from .tools import ASYNC_LAUNCHED as ASYNC_LAUNCHED
from .tools import TEAMMATE_SPAWNED as TEAMMATE_SPAWNED
from .tools import classify_tool as classify_tool
from .tools import known_tools as known_tools
