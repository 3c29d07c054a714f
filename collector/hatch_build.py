"""Build hook: a wheel of the collector contains the third-party files of its pages.

They are not in the repository (tools/vendor.py fetches them). An editable install is left
alone, since it needs no copy; a wheel without them would be pages without a look, so the
build stops instead.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class VendorHook(BuildHookInterface[Any]):
    """Fetches the vendor folder when it is missing, before hatchling collects the files."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatch's
        """The vendor folder exists; RuntimeError with the way out if it cannot be made."""
        static = Path(self.root) / "verbundwacht_collector" / "web" / "static"
        if version == "editable" or (static / "vendor" / "manifest.json").is_file():
            return
        tool = Path(self.root).parent / "tools" / "vendor.py"
        command = [sys.executable, str(tool)]
        if not tool.is_file() or subprocess.run(command, check=False).returncode:
            raise RuntimeError(
                f"{static / 'vendor'} is missing and could not be made. "
                "Run `python tools/vendor.py` in a checkout first; it says what it lacks."
            )
