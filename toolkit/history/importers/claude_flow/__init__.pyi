from .source import ClaudeFlowSource as ClaudeFlowSource
