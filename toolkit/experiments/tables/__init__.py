"""Decision tables: one form for what everything learns from, and its splits."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
