"""What happened: the schema of records, spools, identity and durable files.

The standard library is enough for all of it. Every name is loaded when it is first asked for:
an installed hook, which starts a process for each tool call, pays for the spool alone.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
