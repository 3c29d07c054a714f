"""How large an expression may be and how much work it may cause. Pure constants.

A pack is signed, but a mistake in it runs on every report of every host, so the limits hold
for authors we trust, too.
"""

from typing import Final

SOURCE_BYTES: Final = 4096
DEPTH: Final = 60
"""Nodes from the root to the deepest leaf; `a && b && c` is one node with three terms."""
FACTS_LOOPS: Final = 2
"""Loops over facts inside each other; `each` counts as one."""
STEPS: Final = 200_000
"""Steps of one rule on one host, all elements of `each` together."""
REGEX_CHARS: Final = 256
REGEX_BYTES: Final = 1 << 20
"""Memory of one compiled pattern and its automaton."""
VERSION_CHARS: Final = 256
INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
