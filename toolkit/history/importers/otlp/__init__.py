"""Imports OTLP/JSON: spans and events of any sender, joined to batches."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
