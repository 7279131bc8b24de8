"""Runs a swarm of real worker processes that embeds every organ of the runtime."""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
