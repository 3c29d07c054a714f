"""What the lists share: the choices of a filter, the active filters as chips, the pages."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from verbundwacht_collector.web.filters import (
    AlertQuery,
    FindingQuery,
    HostQuery,
    address,
    page_count,
)

Query = AlertQuery | HostQuery | FindingQuery


@dataclass(frozen=True)
class Choice:
    """One option of a filter field."""

    code: str
    text: str
    chosen: bool


@dataclass(frozen=True)
class Chip:
    """An active filter and the address of the same list without it."""

    text: str
    without: str


@dataclass(frozen=True)
class Pages:
    """Where in the list this page is; addresses are None at the ends."""

    number: int
    count: int
    total: int
    previous: str | None
    next: str | None


def choices(known: Mapping[str, str], chosen: tuple[str, ...] | str) -> tuple[Choice, ...]:
    """Options in the order of `known`."""
    picked = (chosen,) if isinstance(chosen, str) else chosen
    return tuple(Choice(code, text, code in picked) for code, text in known.items())


def pages(path: str, query: Query, total: int) -> Pages:
    """The pages of a list of `total` rows around the one that `query` names."""
    count = page_count(total)
    here = query.page
    return Pages(
        number=here,
        count=count,
        total=total,
        # From beyond the end straight to the last page.
        previous=address(path, replace(query, page=min(here - 1, count))) if here > 1 else None,
        next=address(path, replace(query, page=here + 1)) if here < count else None,
    )


def chips(path: str, query: Query, names: Mapping[str, Mapping[str, str]]) -> tuple[Chip, ...]:
    """Every restriction of the query, by field; `names` maps a field's codes to their words."""
    # Fewer restrictions make other pages: page 7 may be another page 7.
    first = replace(query, page=1)
    found: list[Chip] = []
    for field, words in names.items():
        value = getattr(query, field)
        if isinstance(value, str):
            if value:
                label = words.get(value) or words.get("", "{}").format(value)
                found.append(Chip(label, address(path, replace(first, **{field: ""}))))
            continue
        for code in value:
            rest = tuple(other for other in value if other != code)
            without = address(path, replace(first, **{field: rest}))
            found.append(Chip(words.get(code, code), without))
    return tuple(found)
