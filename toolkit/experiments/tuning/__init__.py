"""Tunes thresholds, rates and weights with Optuna, inside the training groups."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
