__all__: list[str]

from .tools import known_tools as known_tools
