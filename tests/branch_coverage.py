"""Measures which lines and branches of the package the tests run, and keeps the floor.

`pytest -p tests.branch_coverage`, with workers or without. Code is instrumented as it is
imported, not traced as it runs: tracing slows all of Python, libraries included.
"""

import io
import json
from typing import Any

import pytest
import slipcover

FLOOR = 90.0
"""Percent of lines and branches, of both together, that the tests must reach."""
PACKAGE = "toolkit"
NO_CODE = (
    "if TYPE_CHECKING:",
    r": \.\.\.$",
    r"raise AssertionError\(\"unreachable\"\)",
)
"""What never runs, beside what the library leaves out by itself."""
SENT = "branch_coverage"
"""Where a worker's figures travel in what it hands to the process that started it."""


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Begin before anything of the package is imported."""
    early_config.pluginmanager.register(BranchCoverage())


class BranchCoverage:
    """Coverage of one process, and of its workers where it has any."""

    def __init__(self) -> None:
        self._own = slipcover.Slipcover(
            branch=True, source=[PACKAGE], exclude_also=list(NO_CODE)
        )
        self._imports = slipcover.ImportManager(
            self._own, slipcover.FileMatcher(sources=[PACKAGE])
        )
        self._imports.__enter__()
        self._found: dict[str, Any] | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Add what a worker found; one that died has nothing to add."""
        found = getattr(node, "workeroutput", {}).get(SENT)
        if found is not None:
            self._add(json.loads(found))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand the figures over, or compare them with the floor."""
        self._imports.__exit__(None, None, None)
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[SENT] = json.dumps(self._own.get_coverage())
            return
        if self._found is None:
            self._add(self._own.get_coverage())
        if session.exitstatus == pytest.ExitCode.OK and self._percent < FLOOR:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Write a row for each file that is not covered whole, and the sum."""
        if self._found is None:
            return
        table = io.StringIO()
        slipcover.print_coverage(self._found, outfile=table, skip_covered=True)
        terminalreporter.write_line(table.getvalue())
        percent = self._percent
        said = "reached" if percent >= FLOOR else "FAILED: add tests of what is missing"
        terminalreporter.write_line(
            f"Lines and branches covered: {percent:.2f} %; floor of {FLOOR:g} % {said}"
        )

    @property
    def _percent(self) -> float:
        return 0.0 if self._found is None else self._found["summary"]["percent_covered"]

    def _add(self, found: dict[str, Any]) -> None:
        if self._found is None:
            self._found = found
        else:
            slipcover.merge_coverage(self._found, found)
