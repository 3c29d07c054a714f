"""Filters are URLs: what a list shows is in its address, in one canonical order.

Pure. Unknown parameters and values never fail a page and are never silently dropped: they
come back as hints that the page shows.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import urlencode

from msgspec import Struct

from verbundwacht_collector.i18n import N_, _
from verbundwacht_collector.web.words import (
    ALERT_STATES,
    FRESHNESS,
    OPEN_STATES,
    OUTCOMES,
    SEVERITIES,
)

Params = Mapping[str, Sequence[str]]
"""A query string: parameter -> its values, in the order of the address."""

PAGE_SIZE: Final = 50
MAX_PAGE: Final = 10_000
MAX_TEXT: Final = 100
ALERT_SORTS: Final = {
    "severity": N_("Schweregrad"),
    "newest": N_("neueste zuerst"),
    "oldest": N_("älteste zuerst"),
    "changed": N_("zuletzt geändert"),
    "municipality": N_("Kommune"),
}
HOST_SORTS: Final = {
    "problems": N_("Handlungsbedarf"),
    "name": N_("Name"),
    "municipality": N_("Kommune"),
    "last_seen": N_("letzte Meldung"),
}
STATE_CHOICES: Final = ("open", "all", *ALERT_STATES)


class AlertQuery(Struct, frozen=True, kw_only=True):
    """Which alerts, in which order, which page. Empty means: no restriction."""

    state: tuple[str, ...] = ("open",)
    severity: tuple[str, ...] = ()
    municipality: str = ""
    group: str = ""
    host: str = ""
    q: str = ""
    sort: str = "severity"
    page: int = 1

    @property
    def states(self) -> tuple[str, ...]:
        """The alert states that match: `open` and `all` written out."""
        if "all" in self.state:
            return tuple(ALERT_STATES)
        wanted = {*self.state, *(OPEN_STATES if "open" in self.state else ())}
        return tuple(code for code in ALERT_STATES if code in wanted)


class HostQuery(Struct, frozen=True, kw_only=True):
    """Which hosts, in which order, which page."""

    municipality: str = ""
    freshness: tuple[str, ...] = ()
    q: str = ""
    sort: str = "problems"
    page: int = 1


class FindingQuery(Struct, frozen=True, kw_only=True):
    """Which findings, which page; in the order of what needs a person first."""

    outcome: tuple[str, ...] = ()
    municipality: str = ""
    group: str = ""
    q: str = ""
    page: int = 1


class _Reader:
    """Takes known parameters out of a query string and remembers what it could not use."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._read: set[str] = set()
        self._hints: list[str] = []

    def codes(self, name: str, known: Collection[str]) -> tuple[str, ...]:
        """Known values of a parameter, from `a,b` as from `a` twice, in the order of `known`."""
        # Browsers write a=1&a=2 for a multiple choice, people and our own links a=1,2.
        values = {part.strip() for value in self._all(name) for part in value.split(",")}
        for value in sorted(values - set(known) - {""}):
            self._hints.append(
                _(
                    "„%(value)s“ ist kein bekannter Wert für „%(name)s“ und wurde nicht beachtet.",
                    value=value[:MAX_TEXT],
                    name=name,
                )
            )
        # In the order of `known`: two spellings of one filter share one address.
        return tuple(code for code in known if code in values)

    def one(self, name: str, known: Collection[str], default: str = "") -> str:
        """The first known value, else the default."""
        return next(iter(self.codes(name, known)), default)

    def text(self, name: str) -> str:
        """Free text, trimmed and cut."""
        return next(iter(self._all(name)), "").strip()[:MAX_TEXT]

    def page(self) -> int:
        """The page number; 1 with a hint if it is none."""
        value = next(iter(self._all("page")), "1").strip()
        # str.isdigit alone also accepts ² and digits of other scripts.
        if value.isascii() and value.isdigit() and 1 <= int(value) <= MAX_PAGE:
            return int(value)
        self._hints.append(
            _("„%(value)s“ ist keine Seitenzahl. Sie sehen Seite 1.", value=value[:MAX_TEXT])
        )
        return 1

    def hints(self) -> tuple[str, ...]:
        """What was not understood, unknown parameters included."""
        # A misspelt filter that silently shows everything would look like an answer.
        unknown = [name for name in self._params if name not in self._read]
        return (
            *self._hints,
            *(
                _("Den Filter „%(name)s“ gibt es nicht; er wirkt nicht.", name=name[:MAX_TEXT])
                for name in unknown
            ),
        )

    def _all(self, name: str) -> Sequence[str]:
        self._read.add(name)
        return self._params.get(name, ())


def parse_alert_query(
    params: Params, *, municipalities: Collection[str], groups: Collection[str]
) -> tuple[AlertQuery, tuple[str, ...]]:
    """The query of an address and hints about what in it was not understood."""
    reader = _Reader(params)
    query = AlertQuery(
        state=reader.codes("state", STATE_CHOICES) or ("open",),
        severity=reader.codes("severity", SEVERITIES),
        municipality=reader.one("municipality", municipalities),
        group=reader.one("group", groups),
        host=reader.text("host"),
        q=reader.text("q"),
        sort=reader.one("sort", ALERT_SORTS, "severity"),
        page=reader.page(),
    )
    return query, reader.hints()


def parse_host_query(
    params: Params, *, municipalities: Collection[str]
) -> tuple[HostQuery, tuple[str, ...]]:
    """The query of an address and hints about what in it was not understood."""
    reader = _Reader(params)
    query = HostQuery(
        municipality=reader.one("municipality", municipalities),
        freshness=reader.codes("freshness", FRESHNESS),
        q=reader.text("q"),
        sort=reader.one("sort", HOST_SORTS, "problems"),
        page=reader.page(),
    )
    return query, reader.hints()


def parse_finding_query(
    params: Params, *, municipalities: Collection[str], groups: Collection[str]
) -> tuple[FindingQuery, tuple[str, ...]]:
    """The query of an address and hints about what in it was not understood."""
    reader = _Reader(params)
    query = FindingQuery(
        outcome=reader.codes("outcome", OUTCOMES),
        municipality=reader.one("municipality", municipalities),
        group=reader.one("group", groups),
        q=reader.text("q"),
        page=reader.page(),
    )
    return query, reader.hints()


@lru_cache(8_192)  # the overview has thousands of them, the same ones each time
def address(path: str, query: AlertQuery | HostQuery | FindingQuery) -> str:
    """The canonical address of a list: fields in the order of the Struct, defaults left out."""
    plain = type(query)()
    fields = {
        field: ",".join(value) if isinstance(value, tuple) else str(value)
        for field in query.__struct_fields__
        # Defaults stay out, so that the plain list has the plain address.
        if (value := getattr(query, field)) != getattr(plain, field)
    }
    return f"{path}?{urlencode(fields, safe=',')}" if fields else path


def page_count(total: int) -> int:
    """How many pages a list of `total` rows has, at least one."""
    return max(1, -(-total // PAGE_SIZE))
