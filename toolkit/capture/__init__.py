"""Listens while a swarm works: the installed hook, the four verbs, the OTLP receiver."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
