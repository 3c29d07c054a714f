"""The static files: complete, from the lock file, and inside the wheel."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from tests.collector.web.stage import ROOT

from verbundwacht_collector.web.assets import HTMX, KERN, STATIC, STYLE, load_assets
from verbundwacht_collector.web.errors import AssetError


def vendor() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vendor", ROOT / "tools" / "vendor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["vendor"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_everything_the_style_sheet_names_exists() -> None:
    assets = load_assets()
    style = assets.files[STYLE].body.decode()

    named = set(re.findall(r'url\("?([^")]+)"?\)', style))
    local = {name for name in named if not name.startswith("data:")}

    assert len(local) == 6
    assert local <= assets.files.keys()
    assert "http:" not in re.sub(r'url\("?data:[^)]*\)', "", style)
    assert "https:" not in style
    assert "@import" not in style


def test_kern_lies_in_the_lowest_layer() -> None:
    style = load_assets().files[STYLE].body.decode()

    assert style.startswith("@layer kern, token, base, layout, part, page, overview, print;")
    assert style.index("@layer kern {") < style.index("@layer token {")


def test_the_address_changes_with_any_file(tmp_path: Path) -> None:
    shutil.copytree(STATIC, tmp_path / "static")
    before = load_assets(tmp_path / "static").digest
    (tmp_path / "static" / "vw.js").write_text("// other")

    assert load_assets(tmp_path / "static").digest != before


def test_without_the_third_party_files_the_pages_do_not_start(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"tools/vendor\.py"):
        load_assets(tmp_path)


def test_the_first_page_with_fonts_stays_under_150_kilobytes() -> None:
    files = load_assets().files
    fonts = [name for name in files if "fira-sans-latin-4" in name or "fira-sans-latin-6" in name]
    names = [STYLE, HTMX, "vw.js", "logo.svg", *fonts, *(f for f in files if "latin-5" in f)]

    sizes = {name: len(files[name].packed or files[name].body) for name in names}

    assert len(sizes) == 7
    assert sum(sizes.values()) < 150_000, sizes


def test_the_lock_file_pins_by_hash_and_names_no_address() -> None:
    lock = json.loads((ROOT / "tools" / "web" / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}

    assert len(packages) == 25
    for entry in packages.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry
    assert not list((ROOT / "tools" / "web").glob(".npmrc"))


def test_a_changed_vendor_file_is_noticed_and_repaired_only_then() -> None:
    tool = vendor()

    assert tool.is_current(tool.VENDOR, tool.recipe())
    changed = {**tool.digests(tool.VENDOR), "kern-2.7.2/kern.min.css": "0" * 64}
    assert changed != json.loads((tool.VENDOR / "manifest.json").read_text())["files"]
    assert not tool.is_current(tool.VENDOR, "another recipe")
    assert not tool.is_current(tool.VENDOR / "kern-2.7.2", tool.recipe())


def test_every_third_party_folder_carries_its_licence() -> None:
    folders = [path for path in (STATIC / "vendor").iterdir() if path.is_dir()]

    assert len(folders) == 3
    for folder in folders:
        assert list(folder.glob("LICENSE*")), folder.name


def build(project: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(target)]
    return subprocess.run([*command, str(project)], capture_output=True, text=True, check=False)


def test_a_wheel_is_not_built_without_them(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("vendor", "__pycache__")
    shutil.copytree(ROOT / "collector", tmp_path / "collector", ignore=ignored)

    done = build(tmp_path / "collector", tmp_path)

    assert done.returncode != 0
    assert "Run `python tools/vendor.py` in a checkout first" in done.stdout + done.stderr
    assert not list(tmp_path.glob("*.whl"))


def test_a_built_wheel_contains_the_third_party_files(tmp_path: Path) -> None:
    done = build(ROOT / "collector", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")

    names = zipfile.ZipFile(wheel).namelist()

    inside = "verbundwacht_collector/web/static"
    for name in (KERN, HTMX, "vw.js", "css/page.css", "vendor/manifest.json"):
        assert f"{inside}/{name}" in names
    assert sum("fira-sans-latin" in name for name in names) == 6
    assert "verbundwacht_collector/web/templates/alert.html" in names
    assert "verbundwacht_collector/locale/en/LC_MESSAGES/verbundwacht.po" in names
    assert not any("axe-core" in name or name.endswith("hatch_build.py") for name in names)
