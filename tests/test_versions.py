"""Two distributions, one version: what a town installs and what the alliance runs fit together."""

import tomllib
from pathlib import Path

import verbundwacht_agent
import verbundwacht_collector

ROOT = Path(__file__).parent.parent


def test_both_distributions_and_both_programs_name_one_version() -> None:
    projects = {
        name: tomllib.loads((ROOT / name / "pyproject.toml").read_text())["project"]
        for name in ("agent", "collector")
    }

    assert (
        {project["version"] for project in projects.values()}
        == {verbundwacht_agent.__version__}
        == {verbundwacht_collector.__version__}
    )
    assert (
        f"verbundwacht-agent=={verbundwacht_agent.__version__}"
        in (projects["collector"]["dependencies"])
    )
