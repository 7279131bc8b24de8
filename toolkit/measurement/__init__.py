"""Runs real batches and task graphs on this machine and records what they cost.

`Sweep` measures a `Design`, `write_archive` keeps the result, `summarise` says in how many
contexts the best action lies strictly inside the range that was tried. Works on systems
with `fork` and `/proc` (Linux).
"""

from toolkit.face import lazy_face

__getattr__, __dir__ = lazy_face(__name__, __file__)
