import string
from pathlib import Path

import pytest

from tests.shared import ROOT
from toolkit.errors import InputDataError, UsageError
from toolkit.experiments.training import Experiment, read_spec
from toolkit.history import History
from toolkit.policies import Constraint

GOOD = 'name = "n"\ndecision = "batch_size"\nquestion = "q"\n'


def spec_file(folder: Path, text: str) -> Path:
    path = folder / "spec.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["001-batch-size", "002-agent-count"])
def test_the_committed_specifications_can_be_read(name: str) -> None:
    spec = read_spec(ROOT / "experiments" / name / "spec.toml")

    assert spec.data.records == "data/sample"


def test_what_is_left_out_has_the_documented_default(tmp_path: Path) -> None:
    spec = read_spec(spec_file(tmp_path, GOOD))

    assert (spec.guard.level, spec.split.outer_folds) == (0.95, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not TOML"),
        (GOOD + "colour = 1\n", "field `colour`: unknown field"),
        (GOOD + "[search]\ntrails = 3\n", "field `search.trails`: unknown field"),
        (GOOD + "[search]\ntrials = 0\n", r"field `search.trials`: outside 1"),
        (GOOD + '[search]\ntrials = "ten"\n', "field `search.trials`: not a whole"),
        (GOOD + "[guard]\nlevel = 0.2\n", "field `guard.level`: outside 0.5"),
        (GOOD + "[search]\nmembers = [1]\n", "field `search.members.0`: not a text"),
        (GOOD.replace("batch_size", "lunch"), "field `decision`: unknown decision"),
        ('name = "n"\n', "add the field"),
        (GOOD + "[constraints]\np95_s = 3\n", "field `constraints.p95_s`: not a TOML"),
        (
            GOOD + "[constraints]\np95_s = {at_most = 0, probability = 0.9}\n",
            "field `constraints.p95_s.at_most`: outside",
        ),
        (
            GOOD + "[constraints]\np95_s = {at_most = 3, probability = 1.0}\n",
            "field `constraints.p95_s.probability`: outside",
        ),
    ],
)
def test_a_bad_specification_names_its_field(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(InputDataError, match=message):
        read_spec(spec_file(tmp_path, text))


def test_constraints_are_read_by_the_name_of_their_outcome(tmp_path: Path) -> None:
    text = GOOD + "[constraints]\np95_s = {at_most = 30, probability = 0.9}\n"

    spec = read_spec(spec_file(tmp_path, text))

    assert spec.asked == (Constraint(name="p95_s", at_most=30.0, probability=0.9),)
    assert spec.to_json()["constraints"]["p95_s"]["at_most"] == 30.0


@pytest.mark.parametrize(
    "given", [{"p95_s": {"at_most": 3}}, {"p95_s": {"at_most": 3, "probability": 2}}]
)
def test_an_experiment_checks_constraints_as_a_specification_does(
    tmp_path: Path, given: dict[str, dict[str, float]]
) -> None:
    with pytest.raises(UsageError, match="`probability` from"):
        Experiment(History(tmp_path), decision="batch_size", constraints=given)


def test_a_missing_file_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match=r"name a spec\.toml"):
        read_spec(tmp_path / "nothing.toml")


def test_a_field_is_read_under_the_name_that_it_had(tmp_path: Path) -> None:
    text = GOOD + '[search]\nfamilies = ["linear"]\n'

    assert read_spec(spec_file(tmp_path, text)).search.members == ("linear",)


@pytest.mark.parametrize(
    "name", ["checkout/batch", "team: batch", "it's ours", "ours.v2", "Ω", ""]
)
def test_a_name_that_is_no_file_s_is_refused(tmp_path: Path, name: str) -> None:
    text = GOOD + f'[bundle]\nname = "{name}"\n'

    with pytest.raises(InputDataError, match="not a name"):
        read_spec(spec_file(tmp_path, text))


def test_every_name_that_is_accepted_is_one_of_mlflow_s(tmp_path: Path) -> None:
    from mlflow.utils import validation

    name = f"{string.ascii_letters}{string.digits}"[:60] + "_-9z"
    read_spec(spec_file(tmp_path, GOOD + f'[bundle]\nname = "{name}"\n'))

    validation._validate_logged_model_name(name)
    validation._validate_model_name(name)
    for other in string.punctuation:
        if other not in "_-":
            with pytest.raises(InputDataError):
                read_spec(spec_file(tmp_path, GOOD + f"[bundle]\nname = 'a{other}'\n"))
