"""What every importer promises; a new one is enrolled by its seed in `tests.hostile`."""

from pathlib import Path

import pytest

from tests.hostile import SEEDS
from tests.scenarios.test_hostile_inputs import MAP
from toolkit.errors import InputDataError
from toolkit.history import RecordStore
from toolkit.history.importers import SOURCES, Source, open_source, run_import


def opened(name: str, folder: Path) -> Source:
    if name != "table":
        return open_source(name)
    (folder / "map.toml").write_text(MAP)
    return open_source(name, map_path=folder / "map.toml")


def written(name: str, folder: Path) -> Path:
    file_name, data = SEEDS[name]
    folder.mkdir(exist_ok=True)
    (folder / file_name).write_bytes(data)
    return folder / file_name


def test_every_source_is_enrolled() -> None:
    assert set(SEEDS) == set(SOURCES)


@pytest.mark.parametrize("name", sorted(SOURCES))
class TestSource:
    def test_it_answers_to_the_name_it_is_typed_by(
        self, tmp_path: Path, name: str
    ) -> None:
        assert opened(name, tmp_path).name == name

    def test_a_path_that_is_not_there_is_refused(
        self, tmp_path: Path, name: str
    ) -> None:
        source = opened(name, tmp_path)

        with pytest.raises(InputDataError):
            list(source.files([tmp_path / "gone"]))

    def test_what_it_reads_it_adds_once(self, tmp_path: Path, name: str) -> None:
        source = opened(name, tmp_path)
        file = written(name, tmp_path / "in")
        with RecordStore(tmp_path / "store") as store:
            first = run_import(source, [file], store)
            again = run_import(source, [file], store)

        assert first.added > 0
        assert (again.added, again.updated, again.duplicates) == (
            0,
            0,
            first.added + first.updated + first.duplicates,
        )

    def test_an_empty_file_gives_nothing_and_stops_nothing(
        self, tmp_path: Path, name: str
    ) -> None:
        source = opened(name, tmp_path)
        file = written(name, tmp_path / "in")
        file.write_bytes(b"")
        with RecordStore(tmp_path / "store") as store:
            report = run_import(source, [file], store)

        assert (report.files, report.added) == (1, 0)
