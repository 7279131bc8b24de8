"""Watches a swarm as it works: five factors an agent, and what agents do to each other.

`CoordinationMonitor.track` reads one operation and keeps everything up to date;
alerts go to the notifier at once, reports are built on request.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
