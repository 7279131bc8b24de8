__all__: list[str]

from .atif import AtifSource as AtifSource
from .codex import CodexSource as CodexSource
from .copilot import CopilotSource as CopilotSource
from .gemini import GeminiSource as GeminiSource
from .opencode import OpenCodeSource as OpenCodeSource
from .operations import OPERATIONS as OPERATIONS
from .operations import Operation as Operation
from .operations import classify_operation as classify_operation
from .pi import PiSource as PiSource
