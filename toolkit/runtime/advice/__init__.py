"""Takes decisions on an exported bundle, reloads it, and samples the machine's load."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
