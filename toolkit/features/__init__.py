"""Records to feature tables: point in time, with columns declared once."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
