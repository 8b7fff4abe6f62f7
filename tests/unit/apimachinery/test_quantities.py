from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import quantities

SUFFIXES = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "e3", "E-2", "e0"]
texts = st.builds(
    lambda sign, whole, part, suffix: f"{sign}{whole}{part}{suffix}",
    st.sampled_from(["", "-", "+"]),
    st.integers(0, 10**15),
    st.one_of(st.just(""), st.integers(0, 99999).map(lambda n: f".{n}")),
    st.sampled_from(SUFFIXES),
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1024Ki", "1Mi"),
        ("1500Mi", "1500Mi"),
        ("1.5Gi", "1536Mi"),
        ("0.1Ki", "102400m"),
        ("1000000k", "1G"),
        ("0Gi", "0"),
        ("1e3", "1e3"),
        ("1e4", "10e3"),
        ("0.1n", "1n"),
        ("1.500", "1.500"),
        ("512Ki", "512Ki"),
        ("100", "100"),
    ],
)
def test_a_quantity_is_written_back_as_upstream_writes_it(text, canonical):
    assert quantities.canonical(text) == canonical


@pytest.mark.parametrize("text", ["", "x", "1x", "1 Gi", "1.1.1", "1Kib"])
def test_what_is_no_quantity_is_refused_with_the_regular_expression(text):
    with pytest.raises(ValueError, match="quantities must match the regular expression"):
        quantities.parse(text)


@pytest.mark.parametrize("text", ["1km", "1e", "1i", "1ee3", "--1"])
def test_an_unknown_suffix_is_refused(text):
    with pytest.raises(ValueError, match="unable to parse quantity's suffix"):
        quantities.parse(text)


def test_numbers_are_quantities_too():
    assert quantities.parse(2) == 2
    assert quantities.parse(0.5) == Fraction(1, 2)
    assert quantities.milli(2) == 2000


def test_values_round_up():
    assert quantities.value("1500m") == 2
    assert quantities.milli("1.0005") == 1001
    assert quantities.value("-1500m") == -1


def test_an_amount_takes_the_style_of_another_quantity():
    assert quantities.format_(2**31, style_of="1Mi") == "2Gi"
    assert quantities.format_(Fraction(3, 2), style_of="1") == "1500m"


@given(texts)
def test_the_canonical_form_means_the_same_and_is_its_own_canonical_form(text):
    canonical = quantities.canonical(text)
    if abs(quantities.parse(text)) < 10**21:
        assert quantities.parse(canonical) == quantities.parse(text)
    assert quantities.canonical(canonical) == canonical


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["1" * 1_000_000 + "x", "1" * 5000, "0." + "1" * 5000])
def test_a_quantity_of_endless_digits_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match the regular expression"):
        quantities.parse(text)
