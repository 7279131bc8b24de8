"""Every client's real logs give the counts of their data sheet, and copies add nothing."""

from pathlib import Path

import pytest

from tests.history.importers.agent_logs.importing import Imported, import_logs
from tests.shared import HISTORY, needs_history

pytestmark = [needs_history, pytest.mark.slow]

# files, batches, multi-call, largest, calls, failed, cancelled, without a result
SHEET = {
    "codex/agentv/sessions": (20, 2_211, 823, 8, 4_096, 192, 1, 7),
    "codex/session-bridge/sessions": (5, 243, 101, 7, 447, 31, 0, 0),
    "copilot/agentv/session-state": (12, 106, 21, 3, 129, 5, 0, 0),
    "copilot/gatomia/session-state": (1, 12, 3, 9, 33, 0, 0, 0),
    "copilot/starcar/session-state": (1, 178, 24, 3, 206, 8, 4, 0),
    "gemini/entireio-cli/tmp": (4, 12, 0, 1, 12, 0, 0, 0),
    "gemini/session-bridge/tmp": (2, 14, 2, 3, 17, 0, 0, 0),
    "opencode/gatomia/export": (43, 959, 230, 9, 1_492, 141, 1, 0),
    "pi/pi-mono/sessions": (1, 369, 4, 16, 391, 17, 2, 18),
}
COPIES = {
    "codex/agentv/sessions": ["codex/agentv/earlier-copies"],
    "copilot/starcar/session-state": ["copilot/starcar/earlier-copies"],
    "opencode/gatomia/export": [
        "opencode/gatomia/earlier-copies",
        "opencode/gatomia/relaid",
        "opencode/gatomia/relaid/storage",
    ],
}
# input, of it or beside it cached, output, reasoning: as the client counts them
TOKENS = {
    "codex/agentv/sessions": (264_640_002, 250_846_336, 862_720, 330_057),
    "codex/session-bridge/sessions": (28_842_811, 25_734_784, 193_398, 98_925),
    "gemini/entireio-cli/tmp": (204_516, 161_019, 820, 1_447),
    "gemini/session-bridge/tmp": (551_277, 402_007, 3_779, 3_422),
    "opencode/gatomia/export": (8_519_141, 60_603_394, 267_513, 115_521),
    "pi/pi-mono/sessions": (1_049, 43_229_469, 83_156, 0),
    "copilot/starcar/session-state": (0, 0, 167_840, 0),
}
INSIDE = ("codex", "gemini")
"""Clients whose input contains what was cached."""
BESIDE = ("gemini", "opencode")
"""Clients that count reasoning beside the output."""


def imported(pack: str, store: Path) -> Imported:
    return import_logs(pack.partition("/")[0], store, HISTORY / pack)


@pytest.mark.parametrize("pack", sorted(SHEET))
def test_the_counts_equal_the_data_sheet_and_copies_add_nothing(
    tmp_path: Path, pack: str
) -> None:
    report, batches, _, _ = imported(pack, tmp_path)
    failed = sum(batch.failed or 0 for batch in batches)
    cancelled = sum(batch.cancelled or 0 for batch in batches)
    ended = failed + cancelled + sum(batch.succeeded or 0 for batch in batches)
    on = sum(batch.background or 0 for batch in batches)

    assert (
        report.files,
        report.batches,
        report.multi_call_batches,
        max(batch.calls or 0 for batch in batches),
        report.calls,
        failed,
        cancelled,
        sum(batch.size for batch in batches) - ended - on,
    ) == SHEET[pack]
    assert (report.rejected, report.refused_files) == (0, 0)
    for copy in COPIES.get(pack, []):
        again = imported(copy, tmp_path).report

        assert (again.added, again.updated, again.rejected) == (0, 0, 0)


@pytest.mark.parametrize("pack", sorted(TOKENS))
def test_tokens_in_normal_form_are_those_of_the_sheet(
    tmp_path: Path, pack: str
) -> None:
    turns = imported(pack, tmp_path).turns
    fresh, cached, said, thought = (
        sum(getattr(turn, name) or 0 for turn in turns)
        for name in (
            "input_tokens",
            "cache_read_tokens",
            "output_tokens",
            "reasoning_tokens",
        )
    )
    client = pack.partition("/")[0]
    counted = (
        fresh + cached * (client in INSIDE),
        cached,
        said - thought * (client in BESIDE),
        thought,
    )

    assert counted == TOKENS[pack]


def test_every_batch_of_the_five_clients_is_there() -> None:
    batches, several, calls = (sum(row[n] for row in SHEET.values()) for n in (1, 2, 4))

    assert (batches, several, calls) == (4_104, 1_208, 6_823)
