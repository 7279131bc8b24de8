__all__: list[str]

from .source import ClaudeCodeSource as ClaudeCodeSource
from .tools import known_tools as known_tools
