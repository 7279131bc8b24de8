__all__: list[str]

from .source import ClaudeFlowSource as ClaudeFlowSource
