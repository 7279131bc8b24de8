__all__: list[str]

from .aimd import Aimd as Aimd
from .base import Controller as Controller
from .base import SizeBounds as SizeBounds
from .gradient2 import Gradient2 as Gradient2
from .vegas import Vegas as Vegas
