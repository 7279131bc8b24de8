from dataclasses import replace

from tests.bundle.test_outcome_bounds import bounds
from tests.bundle_factory import LEARNED, manifest_of
from toolkit.bundle import CONSTRAINTS
from toolkit.export.card import model_card


def card(**changed: object) -> str:
    manifest = replace(manifest_of(), **changed)  # type: ignore[arg-type] # by name
    return model_card(manifest, limits=["One machine."], worst=1e-7)


def test_the_card_says_what_is_decided_and_by_which_rule() -> None:
    text = card()

    assert "Decides: **batch\\_size**" in text or "Decides: **batch_size**" in text
    assert "`batch_size_rule`" in text
    assert "* One machine." in text


def test_a_rung_is_shown_with_its_evidence() -> None:
    text = card(ladder=(LEARNED,))

    assert "| learned | rule | -25.9 % | -9.5 % | 24 of 19 | yes |" in text


def test_constraints_are_part_of_what_it_is_for() -> None:
    text = card(extra={CONSTRAINTS: bounds().to_json()})

    assert "keeps `p95_s` at most 30 with probability 0.9" in text
    assert "keeps" not in card()


def test_text_of_the_data_cannot_break_the_page() -> None:
    text = card(name="a|b\n# c", metrics={"<script>": "|"})

    assert "\n# c" not in text
    assert "<script>" not in text
