"""Identities of records: the parts and their borders decide, whatever their length."""

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from toolkit.records import record_id

PARTS = st.lists(
    st.text(max_size=20) | st.text("ab", min_size=100, max_size=300),
    min_size=1,
    max_size=4,
)


@given(PARTS)
def test_an_id_is_the_digest_of_its_framed_parts(parts: list[str]) -> None:
    framed = b"".join(
        len(raw).to_bytes(4, "big") + raw
        for raw in (part.encode("utf-8", "surrogatepass") for part in parts)
    )

    assert record_id(*parts) == blake2b(framed, digest_size=10).hexdigest()


@given(PARTS)
def test_borders_of_parts_count(parts: list[str]) -> None:
    assert record_id(*parts, "") != record_id(*parts)
    assert record_id("".join(parts), "x") != record_id(*parts, "", "x")
