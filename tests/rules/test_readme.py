"""The page on the language tells the truth: its example works, and no function is left out."""

import re
from pathlib import Path

from verbundwacht_collector.rules.language.functions import FUNCTIONS
from verbundwacht_collector.rules.language.parse import MACROS
from verbundwacht_collector.rules.load import lint, load_pack_bytes
from verbundwacht_collector.rules.testing import run_tests

PAGE = (Path(__file__).parents[2] / "rules" / "README.md").read_text()


def test_the_example_on_the_page_is_a_good_pack() -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    files = {"pack.yaml": example.group(1).encode()}

    assert lint(files) == []
    assert run_tests(load_pack_bytes(files)).failed == ()


def test_the_page_names_every_function_and_macro() -> None:
    missing = [name for name in (*FUNCTIONS, *MACROS, "has") if not re.search(rf"\b{name}\b", PAGE)]

    assert missing == []
