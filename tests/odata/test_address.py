"""Addresses: query strings as services read them; links followed byte for byte, and only home."""

from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koppel.connectors.odata.address import Trail, followed, query, quoted_segment
from koppel.errors import BadAnswer
from tests.odata.service import Scripted, answer, get

ASKED = "https://org.crm4.dynamics.com/api/data/v9.2/accounts?$select=name"

COOKIE = (
    "https://org.crm4.dynamics.com/api/data/v9.2/accounts?$select=name&$skiptoken=%3Ccookie%20pagenumber=%222%22"
    "%20pagingcookie=%22%253ccookie%2520page%253d%25221%2522%253e%22%20istracking=%22False%22%20/%3E"
)


def test_a_blank_is_percent_20_and_never_a_plus() -> None:
    """wire 3.4: a plus is refused by real services."""
    assert query(filter="name eq 'a b'", top="1") == "?$filter=name%20eq%20'a%20b'&$top=1"


@given(st.text(st.characters(codec="utf-8")))
def test_any_value_arrives_as_it_was_meant(value: str) -> None:
    """wire 4.3.10: `&`, `#`, `+`, slashes and umlauts."""
    said = query(filter=value, top="1")
    assert "+" not in said and " " not in said and "#" not in said
    assert [unquote(part) for part in said[1:].split("&")] == [f"$filter={value}", "$top=1"]


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_key_stays_one_segment(value: str) -> None:
    path = f"accounts(no='{quoted_segment(value)}')"
    parts = urlsplit(f"https://a.example/{path}")
    assert "/" not in path and "?" not in path and "#" not in path
    assert unquote(parts.path) == f"/accounts(no='{value}')" and not parts.query


def test_nothing_asked_is_no_query() -> None:
    assert query(filter=None) == ""


def test_a_link_arrives_byte_for_byte() -> None:
    """wire 1.2: it is doubly encoded and opaque; lower-case %2f must not become %2F."""
    for link in (COOKIE, ASKED + "&$deltatoken=919042%2108%2f22%2f2017%2008%3a10%3a44", ASKED + "&aid=FIN&x='a'"):
        assert followed("crm", ASKED, link) == link
    scripted = Scripted(answer())
    link = COOKIE.replace("org.crm4.dynamics.com/api/data/v9.2", "erp.example/api/v2.0")
    scripted.session.send(get(link))
    assert scripted.service.seen[0][1].url.raw_path.decode() == link.removeprefix("https://erp.example")


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("accounts?$skiptoken=%2410", "https://org.crm4.dynamics.com/api/data/v9.2/accounts?$skiptoken=%2410"),
        ("/api/data/v9.2/accounts?$skip=5", "https://org.crm4.dynamics.com/api/data/v9.2/accounts?$skip=5"),
        (
            "accounts?$filter=url eq 'https://x'",
            "https://org.crm4.dynamics.com/api/data/v9.2/accounts?$filter=url eq 'https://x'",
        ),
    ],
)
def test_a_relative_link_begins_where_it_was_found(link: str, address: str) -> None:
    """wire 3.3: some services give relative ones."""
    assert followed("crm", ASKED, link) == address


@pytest.mark.parametrize("link", ["https://ORG.crm4.dynamics.com:443/x", "HTTPS://org.crm4.dynamics.com/x"])
def test_the_same_origin_may_be_written_differently(link: str) -> None:
    assert followed("crm", ASKED, link) == link


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/data/v9.2/accounts",
        "http://org.crm4.dynamics.com/api/data/v9.2/accounts",
        "https://org.crm4.dynamics.com:8443/accounts",
        "https://org.crm4.dynamics.com@evil.example/accounts",
        "https://evil@org.crm4.dynamics.com/accounts",
        "https://org.crm4.dynamics.com.evil.example/accounts",
        "//evil.example/accounts",
        "https://org.crm4.dynamics.com:port/accounts",
        "https://[org/accounts",
    ],
)
def test_a_link_to_another_origin_is_refused(link: str) -> None:
    """wire 4.1.8: a foreign host, also by a trick of spelling, would get the token."""
    with pytest.raises(BadAnswer, match="nothing was sent there"):
        followed("crm", ASKED, link)


def test_the_refusal_does_not_repeat_the_link() -> None:
    with pytest.raises(BadAnswer) as caught:
        followed("crm", ASKED, "https://evil.example/?token=abc")
    assert "abc" not in str(caught.value)


def test_pages_may_lead_anywhere_once() -> None:
    """A service that links back would be read for ever; the first page counts where its address is known."""
    trail = Trail("crm", "accounts", ASKED)
    assert trail.onto(ASKED, "accounts?$skip=1") == urljoin(ASKED, "accounts?$skip=1")
    assert trail.onto(ASKED, "accounts?$skip=2") == urljoin(ASKED, "accounts?$skip=2")
    for link in ("accounts?$skip=1", ASKED):
        with pytest.raises(BadAnswer, match="the pages of accounts lead round in a circle"):
            trail.onto(ASKED, link)
