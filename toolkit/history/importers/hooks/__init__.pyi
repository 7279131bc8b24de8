__all__: list[str]

from .events import HookJoiner as HookJoiner
