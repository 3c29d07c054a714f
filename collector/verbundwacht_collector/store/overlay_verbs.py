"""The verbs about overlays and silence as SQLite statements; see the protocol."""

from typing import Any

from msgspec.structs import asdict

from verbundwacht_collector.store.records import AlertRecord, HeardRecord, OverlayRecord
from verbundwacht_collector.store.statements import Statements

COLUMNS = (
    "id",
    "kind",
    "municipality_id",
    "host_id",
    "fingerprint",
    "starts_at",
    "ends_at",
    "weekly_until",
    "reason",
    "created_at",
    "created_by",
    "evidence",
    "ended_at",
    "ended_by",
)


def overlay_of(row: tuple[Any, ...]) -> OverlayRecord:
    """The record of one row with the columns in their order."""
    return OverlayRecord(**dict(zip(COLUMNS, row, strict=True)))


class OverlayVerbs(Statements):
    """Implements a part of Transaction."""

    def overlays(self, municipality_id: str, since: int) -> list[OverlayRecord]:
        """Those that apply, will apply, or ended after `since`."""
        rows = self._all("overlays", municipality_id=municipality_id, since=since)
        return [overlay_of(row) for row in rows]

    def overlay(self, overlay_id: int) -> OverlayRecord | None:
        """One, or None."""
        row = self._one("overlay", id=overlay_id)
        return None if row is None else overlay_of(row)

    def add_overlay(self, overlay: OverlayRecord) -> int:
        """It is stored; its id."""
        return int(self._run("add_overlay", **asdict(overlay)).lastrowid or 0)

    def end_overlay(self, overlay_id: int, at: int, person_id: int | None) -> None:
        """It ends now; one that was ended before keeps its end."""
        self._run("end_overlay", id=overlay_id, at=at, person_id=person_id)

    def set_absent(self, host_id: int, until: int | None) -> None:
        """What the host announced last."""
        self._run("set_absent", host_id=host_id, until=until)

    def set_held(self, alert_id: int, *, held: bool) -> None:
        """Whether people are still to be told."""
        self._run("set_held", id=alert_id, held=held)

    def held_alerts(self) -> list[AlertRecord]:
        """Open alerts that people were not told of yet."""
        return [AlertRecord(*row) for row in self._all("held_alerts")]

    def open_alerts_of(self, rule_id: str) -> list[AlertRecord]:
        """The open alerts of one rule, of all municipalities."""
        return [AlertRecord(*row) for row in self._all("open_alerts_of", rule_id=rule_id)]

    def began_at(self, alert_id: int) -> int:
        """When it was opened, or opened again last."""
        return int(self._all("began_at", alert_id=alert_id)[0][0])

    def heard(self, municipality_id: str) -> list[HeardRecord]:
        """When its active hosts were last heard."""
        return [HeardRecord(*row) for row in self._all("heard", municipality_id=municipality_id)]

    def newest_message(self, municipality_id: str) -> tuple[int, bytes] | None:
        """When it came, and its hash."""
        row: tuple[int, bytes] | None = self._one("newest_message", municipality_id=municipality_id)
        return row
