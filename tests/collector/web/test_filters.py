"""Filters are URLs: canonical, complete, and honest about what they did not understand."""

from hypothesis import given
from hypothesis import strategies as st

from verbundwacht_collector.web.filters import (
    ALERT_SORTS,
    PAGE_SIZE,
    STATE_CHOICES,
    AlertQuery,
    HostQuery,
    address,
    page_count,
    parse_alert_query,
    parse_host_query,
)
from verbundwacht_collector.web.views.lists import chips, pages
from verbundwacht_collector.web.words import SEVERITIES

TOWNS, GROUPS = ("altenbach", "rosental"), ("ssh", "updates")
QUERIES = st.builds(
    AlertQuery,
    state=st.lists(st.sampled_from(STATE_CHOICES), min_size=1, unique=True).map(
        lambda found: tuple(code for code in STATE_CHOICES if code in found)
    ),
    severity=st.lists(st.sampled_from(list(SEVERITIES)), unique=True).map(
        lambda found: tuple(code for code in SEVERITIES if code in found)
    ),
    municipality=st.sampled_from(("", *TOWNS)),
    group=st.sampled_from(("", *GROUPS)),
    host=st.text(max_size=40).map(str.strip),
    q=st.text(max_size=100).map(str.strip),
    sort=st.sampled_from(list(ALERT_SORTS)),
    page=st.integers(1, 10_000),
)


def parsed(url: str) -> tuple[AlertQuery, tuple[str, ...]]:
    from urllib.parse import parse_qs, urlsplit

    params = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return parse_alert_query(params, municipalities=TOWNS, groups=GROUPS)


@given(QUERIES.filter(lambda query: "\ud800" not in query.q))
def test_an_address_says_all_of_a_query_and_comes_back_unchanged(query: AlertQuery) -> None:
    again, hints = parsed(address("/alerts", query))

    assert (again, hints) == (query, ())


def test_an_empty_query_has_the_plain_address() -> None:
    assert address("/alerts", AlertQuery()) == "/alerts"
    assert address("/hosts", HostQuery()) == "/hosts"


def test_repeated_and_unordered_values_have_one_canonical_address() -> None:
    query, _ = parsed("/alerts?severity=high&severity=critical&q=&state=open")

    assert address("/alerts", query) == "/alerts?severity=critical,high"


def test_open_means_the_three_states_that_need_a_person() -> None:
    assert AlertQuery().states == ("new", "taken", "fix_claimed")
    assert AlertQuery(state=("open", "closed")).states == ("new", "taken", "fix_claimed", "closed")
    assert len(AlertQuery(state=("all",)).states) == 5


def test_unknown_parameters_and_values_are_named_and_not_used() -> None:
    query, hints = parsed("/alerts?schwere=hoch&severity=high,riesig&page=0")

    assert query == AlertQuery(severity=("high",))
    assert [hint for name in ("schwere", "riesig", "„0“") for hint in hints if name in hint]
    assert len(hints) == 3


@given(st.dictionaries(st.text(max_size=20), st.lists(st.text(max_size=300), max_size=3)))
def test_no_query_string_breaks_a_list(params: dict[str, list[str]]) -> None:
    alert_query, _ = parse_alert_query(params, municipalities=TOWNS, groups=GROUPS)
    host_query, _ = parse_host_query(params, municipalities=TOWNS)

    assert alert_query.page >= 1
    assert len(host_query.q) <= 100


def test_a_full_page_more_is_one_page_more() -> None:
    counts = [page_count(total) for total in (0, 1, PAGE_SIZE, PAGE_SIZE + 1)]

    assert counts == [1, 1, 1, 2]


def test_every_chip_leads_to_the_list_without_it_and_the_default_is_no_chip() -> None:
    names = {"severity": {"high": "Hoch", "low": "Niedrig"}, "q": {"": "Text: {}"}}
    query = AlertQuery(severity=("high", "low"), q="ssh", page=3)

    found = {chip.text: chip.without for chip in chips("/alerts", query, names)}

    assert found == {
        "Hoch": "/alerts?severity=low&q=ssh",
        "Niedrig": "/alerts?severity=high&q=ssh",
        "Text: ssh": "/alerts?severity=high,low",
    }
    assert chips("/alerts", AlertQuery(), names) == ()


def test_pages_lead_back_from_beyond_the_end() -> None:
    found = pages("/alerts", AlertQuery(page=99), total=120)

    assert (found.count, found.previous, found.next) == (3, "/alerts?page=3", None)
    assert pages("/alerts", AlertQuery(), total=120).next == "/alerts?page=2"
