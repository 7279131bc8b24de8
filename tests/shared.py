"""Real data that lies beside the project on some machines, and never inside it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
HISTORY = SHARED / "history"
DECISIONS = SHARED / "decisions"

needs_history = pytest.mark.skipif(
    not HISTORY.is_dir(), reason="the shared history is not beside this checkout"
)
needs_decisions = pytest.mark.skipif(
    not DECISIONS.is_dir(), reason="the decision tables are not beside this checkout"
)
