"""The exporters that senders really use, against a receiver that really listens."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from toolkit.capture.receiver import OtlpReceiver
from toolkit.history import RecordStore
from toolkit.records import Batch

SCRIPT = Path(__file__).with_name("exporter.mjs")
PACKAGES = [
    f"@opentelemetry/{name}"
    for name in (
        "api",
        "api-logs",
        "exporter-logs-otlp-http",
        "exporter-trace-otlp-http",
        "exporter-trace-otlp-proto",
        "sdk-logs",
        "sdk-trace-base",
    )
]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm and node are not installed")
    folder = tmp_path_factory.mktemp("npm")
    (folder / "package.json").write_text('{"private": true}')
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES],
        cwd=folder,
        capture_output=True,
        timeout=200,
        check=False,
    )
    if done.returncode:
        pytest.skip("npm cannot install the OpenTelemetry exporters here")
    return folder


@pytest.mark.slow
# Node's exporters are installed from the registry, then run.
@pytest.mark.timeout(300)
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_javascript_exporters_deliver(
    tmp_path: Path, packages: Path, compression: str
) -> None:
    with (
        RecordStore(tmp_path / "store") as store,
        OtlpReceiver(store, port=0) as receiver,
    ):
        done = subprocess.run(
            ["node", SCRIPT, packages, str(receiver.port), compression],
            capture_output=True,
            timeout=60,
            check=True,
        )
        status = receiver.status()
        receiver.join()
        store.compact()
        sessions = sorted(
            record.session_id or ""
            for record in store.dataset.scan("batch")
            if isinstance(record, Batch)
        )

    assert json.loads(done.stdout) == [[0, "ok"]] * 3
    assert (status.requests, status.refused) == (3, 0)
    assert sessions == ["s-js", "s-span"]
