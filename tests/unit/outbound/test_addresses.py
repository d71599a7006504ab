"""What may stand in an address field, a fax number and a thread header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound.addresses import bare, digits, is_address, is_fax_number, message_ids


@pytest.mark.parametrize(
    "address", ["physician@example.org", "a.b+case@sub.example.org", "o'neill@xn--bcher-kva.example", "x@a-b.example"]
)
def test_plain_addresses_pass(address: str) -> None:
    """The ones that people have."""
    assert is_address(address)


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "physician",
        "physician@localhost",
        "physician@example.org\r\nBcc: someone@example.net",
        "physician@example.org\n",
        "physician@example.org, other@example.org",
        "Physician <physician@example.org>",
        '"a b"@example.org',
        "physician@[127.0.0.1]",
        "physician@127.0.0.1",
        "physici\u0430n@example.org",  # a Cyrillic letter that looks Latin
        "physician@ex\u00e4mple.org",
        "physician@example..org",
        ".physician@example.org",
        "physician@-example.org",
        "physician@example.org\x00",
        "=?utf-8?q?a?=@example.org ",
        "a" * 65 + "@example.org",
        "a@" + "b" * 64 + ".example",
        "a@" + ".".join(["b" * 60] * 5),
    ],
)
def test_everything_else_does_not(address: str | None) -> None:
    """Lists, display names, other scripts, literals, line ends, over-long ones."""
    assert not is_address(address)


@given(st.text(max_size=80))
def test_what_passes_as_an_address_is_one_ascii_word(text: str) -> None:
    """Property: nothing that passes can end a header line or start another address."""
    if is_address(text):
        assert text.isascii()
        assert not set(text) & set(' \t\r\n\0,;<>()"\\')
        assert text.count("@") == 1


@pytest.mark.parametrize("number", ["619-543-5282", "+52 55 5555 0100", "+34 (91) 555.0100", "0034915550100"])
def test_fax_numbers_pass(number: str) -> None:
    """As people write them."""
    assert is_fax_number(number)


@pytest.mark.parametrize("number", [None, "", "12345", "+", "555-0100 ext 3", "555\n0100", "-h 5550100", "1" * 31, "٠١٢٣٤٥٦٧"])
def test_other_things_are_no_fax_numbers(number: str | None) -> None:
    """Options, words, line ends, other digits."""
    assert not is_fax_number(number)


def test_digits_compare_two_ways_of_writing() -> None:
    """Separators do not matter."""
    assert digits("+1 (619) 543-5282") == "16195435282"


def test_message_ids_are_checked_each_and_kept_in_order() -> None:
    """Bad ones vanish, good ones stay, none twice."""
    wild = ["<a@b.example>", None, "", "no brackets@x", "<a@b.example>", "<c d@x.example>", "<e@x>\r\nBcc: f@x", "<g@[10.0.0.1]>"]
    assert message_ids(wild) == ("<a@b.example>", "<g@[10.0.0.1]>")
    assert message_ids(["<" + "a" * 300 + "@x.example>"]) == ()


def test_a_long_thread_keeps_its_first_and_newest_ids() -> None:
    """At most twelve."""
    kept = message_ids([f"<{number}@x.example>" for number in range(40)])
    assert len(kept) == 12
    assert kept[0] == "<0@x.example>"
    assert kept[1:] == tuple(f"<{number}@x.example>" for number in range(29, 40))


def test_a_plus_tag_is_the_same_mailbox() -> None:
    """Our own mail must be known however it is addressed."""
    assert bare("Office+SOMRR-1@Example.org") == bare("office@example.org")
