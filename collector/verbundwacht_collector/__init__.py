"""The collector: verifies what agents report, applies rule packs, alerts people."""

__version__ = "0.1.0"
