"""Mappings and dates against the publishers' own data, where that data lies beside the project."""

import csv
import json
import re
from pathlib import Path

import pytest
from tests.rules.linux_basis.stock_matrix import PACK_FOLDER

from verbundwacht_collector.rules.load import lint, load_pack, read_files

REFERENCE = PACK_FOLDER.parents[2] / "shared" / "reference"
CATALOGUE = REFERENCE / "BSI-Stand-der-Technik-Kernel-catalog.json"
PACK = load_pack(PACK_FOLDER)

ITGS2023 = {
    "APP.3.2.A11", "APP.3.2.A12", "APP.3.4.A2", "APP.4.3.A3", "APP.4.3.A16", "CON.1.A1",
    "CON.3.A5", "CON.3.A15", "NET.1.2.A10", "OPS.1.1.2.A5", "OPS.1.1.2.A6", "OPS.1.1.3.A3",
    "OPS.1.1.3.A10", "OPS.1.1.3.A15", "OPS.1.1.4.A3", "OPS.1.1.4.A5", "OPS.1.1.4.A6",
    "OPS.1.1.5.A3", "OPS.1.1.5.A4", "OPS.1.1.5.A6", "OPS.1.1.5.A12", "ORP.4.A10", "ORP.4.A13",
    "ORP.4.A22", "SYS.1.1.A2", "SYS.1.1.A5", "SYS.1.1.A6", "SYS.1.1.A9", "SYS.1.1.A10",
    "SYS.1.1.A19", "SYS.1.1.A24", "SYS.1.1.A34", "SYS.1.1.A36", "SYS.1.1.A37", "SYS.1.1.A39",
    "SYS.1.2.3.A6", "SYS.1.3.A2", "SYS.1.3.A3", "SYS.1.3.A4", "SYS.1.3.A8", "SYS.1.3.A10",
    "SYS.1.6.A5", "SYS.1.6.A6",
}  # fmt: skip
"""Requirements of IT-Grundschutz 2023 that facts of a server can speak to."""
WIBA = {
    "Backup", "IT-Administration", "Rollen / Berechtigungen / Authentisierung", "Serversysteme",
    "Sicherheitsmechanismen",
}  # fmt: skip


def reference(path: Path) -> Path:
    """The file, or a skip that says in one line what is not there."""
    if not path.is_file():
        pytest.skip(f"{path.name} is not in ../shared/reference")
    return path


def test_every_uuid_and_id_name_the_same_control_of_the_kernel_catalogue() -> None:
    catalogue = reference(CATALOGUE).read_bytes()

    assert lint(read_files(PACK_FOLDER), catalogue=catalogue) == []


def test_the_catalogue_is_the_one_that_the_pack_pins() -> None:
    catalogue = json.loads(reference(CATALOGUE).read_text(encoding="utf-8"))["catalog"]
    version = str(catalogue["metadata"]["version"])

    assert version.startswith(PACK.catalogues["gspp"]["kernel"])


def test_other_requirements_are_ones_we_know() -> None:
    entries = [(rule.id, rule.maps) for rule in PACK.rules]

    assert {one["id"] for _, maps in entries for one in maps.get("itgs2023", ())} <= ITGS2023
    assert {one["list"] for _, maps in entries for one in maps.get("wiba", ())} <= WIBA
    assert [rule_id for rule_id, maps in entries if not maps.get("wiba")] == []
    numbers = [one["id"] for _, maps in entries for one in maps.get("cis", ())]
    assert [number for number in numbers if not re.fullmatch(r"\d+(\.\d+){2,4}", number)] == []


@pytest.mark.parametrize("name", ["debian", "ubuntu"])
def test_support_ends_are_those_of_distro_info(name: str) -> None:
    listed = {
        parameter: {
            release.removeprefix(f"{name}-"): day
            for release, day in PACK.parameters[parameter].default.items()
            if release.startswith(f"{name}-")
        }
        for parameter in ("support_ends", "paid_support_ends")
    }
    with reference(REFERENCE / f"distro-info-{name}.csv").open(encoding="utf-8") as lines:
        rows = {row["version"].removesuffix(" LTS"): row for row in csv.DictReader(lines)}

    free, paid = ("eol-lts", "eol-elts") if name == "debian" else ("eol", "eol-esm")
    for release, day in listed["support_ends"].items():
        assert (release, day) == (release, rows[release][free])
    for release, day in listed["paid_support_ends"].items():
        assert (release, day) == (release, rows[release][paid])
