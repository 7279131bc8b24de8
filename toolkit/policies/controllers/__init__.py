"""Online controllers of a size: they learn from the run that they steer alone."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
