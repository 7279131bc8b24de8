"""What happened: the schema of records, the store, the importers.

`schema` and `spool` need the standard library only; the store, the Parquet dataset and
the importers need the `research` extra. Every name is loaded when it is first asked for:
an installed hook, which starts a process for each tool call, pays for the spool alone.
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
