"""Imports the logs of other coding agents: one reader design, one file a client.

A reader turns a file into an `AgentLog`: the replies of one agent in one session, with
their calls, tokens and times in one normal form. `records` writes them as records, the
same way for every client.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
