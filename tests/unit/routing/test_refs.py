"""Case references: read back from noise, never mistaken."""

from hypothesis import given
from hypothesis import strategies as st

from routing.refs import ALPHABET, find_refs, new_ref

numbers = st.integers(0, 2**50 - 1)


@given(numbers)
def test_a_reference_is_found_in_any_text_around_it(number: int) -> None:
    """Subject lines, sentences and line ends around a reference do not hide it."""
    ref = new_ref(number)
    assert list(find_refs(f"Re: [{ref}] more records; ref {ref.lower()}\n")) == [ref]


@given(numbers, st.integers(0, 10), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_never_another_case(number: int, place: int, wrong: str) -> None:
    """The check character finds every single misread character."""
    ref = new_ref(number)
    places = [i for i, ch in enumerate(ref) if i > 5 and ch != "-"]
    at = places[place]
    spoiled = ref[:at] + wrong + ref[at + 1 :]
    assert list(find_refs(spoiled)) == ([ref] if spoiled == ref else [])


@given(numbers, st.integers(0, 3))
def test_swapped_neighbours_are_never_another_case(number: int, place: int) -> None:
    """The check character finds every swap of neighbours within a group."""
    ref = new_ref(number)
    at = 6 + place
    swapped = ref[:at] + ref[at + 1] + ref[at] + ref[at + 2 :]
    assert list(find_refs(swapped)) == ([ref] if swapped == ref else [])


def test_look_alike_letters_of_a_fax_are_mended() -> None:
    """O is read as 0, I and L as 1: those letters never occur in a reference."""
    ref = new_ref(1 << 45)
    assert ref.startswith("SOMRR-10000-00000-")
    assert list(find_refs(ref.replace("SOMRR-10000-00000", "S0MRR I00OO O0000"))) == [ref]
