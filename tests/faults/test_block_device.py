"""Power cuts of a real file system: a snapshot of the device below it, at any moment.

What was not synced is in the kernel's memory and not on the device. Needs the right to
mount; the replayed cuts (`power.py`) need nothing, and are harder on what they find.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.records.records import a_batch
from toolkit.errors import ToolkitError
from toolkit.history import read_store
from toolkit.records import draft_file

# A device is made, and read back as it was after each write.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RECORDS = 3000
MOST_SNAPSHOTS = 12
FORGETFUL = """
import os, stat, sys
sync = os.fsync
os.fsync = lambda file: stat.S_ISDIR(os.fstat(file).st_mode) and sync(file)
from toolkit.cli import run
sys.exit(run(sys.argv[1:]))
"""
"""The command line, in a process that syncs directories and no file."""
TOOLKIT = [sys.executable, "-m", "toolkit"]


class Device:
    """An ext4 file system on a loop device, whose image may be copied at any moment."""

    def __init__(self, image: Path, mounted: Path) -> None:
        self.image = image
        self.mounted = mounted

    def snapshot(self, target: Path) -> Path:
        """Copy what is on the device, as a power cut would leave it."""
        subprocess.run(["cp", "--sparse=always", self.image, target], check=True)
        return target


@contextmanager
def mounted(image: Path) -> Iterator[Path]:
    """Mount an image; its journal is replayed as after a power cut."""
    place = Path(tempfile.mkdtemp(prefix="device-"))
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
        place.rmdir()


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    image = tmp_path / "image"
    image.touch()
    os.truncate(image, 64 << 20)
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
        pytest.skip("needs the right to mount, and mkfs.ext4")
    words = ["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0"]
    subprocess.run([*words, str(image)], check=True)
    try:
        with mounted(image) as place:
            yield Device(image, place)
    except subprocess.CalledProcessError as error:
        if "mount" in str(error.cmd):
            pytest.skip("may not mount here")
        raise


def records_in(snapshot: Path) -> int:
    with mounted(snapshot) as place:
        store = read_store(place / "store")
        return len({record.record_id for record in store.scan("batch")})


def test_what_is_not_synced_is_not_in_a_snapshot(device: Device) -> None:
    with draft_file(device.mounted / "synced") as stream:
        stream.write(b"x" * 5000)
    (device.mounted / "written").write_bytes(b"x" * 5000)

    with mounted(device.snapshot(device.image.with_name("cut"))) as place:
        assert (place / "synced").stat().st_size == 5000
        assert not (place / "written").exists() or not (place / "written").read_bytes()


@pytest.fixture
def store(device: Device, tmp_path: Path) -> Path:
    """A store on the device with records that were acknowledged."""
    source, store = tmp_path / "source.jsonl", device.mounted / "store"
    rows = [json.dumps(a_batch(f"b{n}").to_json()) for n in range(RECORDS)]
    source.write_text("\n".join(rows) + "\n")
    words = ["records", "import", "spool", str(source), "--store", str(store)]
    subprocess.run([*TOOLKIT, *words], check=True, capture_output=True)
    return store


def test_a_compaction_loses_nothing_whenever_the_power_goes(
    device: Device, store: Path, tmp_path: Path
) -> None:
    snapshots = [device.snapshot(tmp_path / "imported")]
    words = [*TOOLKIT, "records", "compact", "--store", str(store)]
    compaction = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    while compaction.poll() is None:
        if (store / "dataset").exists() and len(snapshots) < MOST_SNAPSHOTS:
            snapshots.append(device.snapshot(tmp_path / f"cut-{len(snapshots)}"))
        time.sleep(0.02)
    assert compaction.returncode == 0
    snapshots.append(device.snapshot(tmp_path / "compacted"))

    assert list((store / "dataset").rglob("part-*.parquet"))
    assert len(snapshots) > 2
    assert {records_in(snapshot) for snapshot in snapshots} == {RECORDS}


def test_a_compaction_that_syncs_no_file_is_seen_to_lose_records(
    device: Device, store: Path, tmp_path: Path
) -> None:
    words = [sys.executable, "-c", FORGETFUL, "records", "compact", "--store"]
    subprocess.run([*words, str(store)], check=True, stdout=subprocess.DEVNULL)

    try:
        found = records_in(device.snapshot(tmp_path / "compacted"))
    except ToolkitError:
        found = 0
    assert found < RECORDS
