"""Learned cost models: scikit-learn estimators that predict log cost."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
