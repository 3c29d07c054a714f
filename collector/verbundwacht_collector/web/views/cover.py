"""What covers an alert, in words: „pausiert bis heute, 14:00 Uhr“. Empty where nothing does."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from verbundwacht_collector.alerts.overlays import Covered, covered
from verbundwacht_collector.i18n import N_, _, lookup
from verbundwacht_collector.store.views import AlertRow, OverlayRow
from verbundwacht_collector.web import dates

UNTIL: Final = {
    "pause": N_("pausiert bis %(time)s"),
    "maintenance": N_("in Wartung bis %(time)s"),
    "absence": N_("angekündigt abwesend bis %(time)s"),
}


class _About(NamedTuple):
    """A Problem, made from what readers see."""

    fingerprint: bytes
    municipality_id: str
    host_id: int | None
    rule_id: str


@dataclass(frozen=True)
class Covers:
    """All overlays of a scope, and the municipalities whose connection is broken."""

    overlays: tuple[OverlayRow, ...]
    broken: Collection[str]
    now: int

    def of(self, row: AlertRow) -> Covered | None:
        """What covers this alert now."""
        rows = {one.host_id: one.overlay.host_id for one in self.overlays}
        about = _About(
            bytes.fromhex(row.fingerprint),
            row.municipality_id,
            # A host that no overlay names must not look like the municipality as a whole.
            rows.get(row.host_id, -1) if row.host_id else None,
            row.rule_id,
        )
        mass = row.municipality_id in self.broken
        return covered((one.overlay for one in self.overlays), about, self.now, mass=mass)

    def text(self, row: AlertRow) -> str:
        """The same in words."""
        return cover_text(self.of(row), self.now)

    def of_host(self, host_id: str, municipality_id: str) -> Iterable[OverlayRow]:
        """Maintenance and absence of this host that apply or will."""
        return (
            one
            for one in self.overlays
            if one.overlay.kind != "pause"
            and one.overlay.municipality_id == municipality_id
            and one.host_id in ("", host_id)
        )


def cover_text(cover: Covered | None, now: int) -> str:
    """„pausiert bis heute, 14:00 Uhr“; "" if nothing covers."""
    if cover is None:
        return ""
    if cover.until is None:
        return _("zurückgehalten: Leitung der Kommune unterbrochen")
    return lookup(UNTIL[cover.kind]) % {"time": dates.moment(cover.until, now)}
