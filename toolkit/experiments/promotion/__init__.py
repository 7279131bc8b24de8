"""Promotes a challenger only when it is shown better: gate, registry, releases."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
