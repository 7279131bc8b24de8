"""Members of the stack: one model family each, behind one protocol."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
