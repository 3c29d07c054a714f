"""Whose data a reader may see. Every read of the store takes one; there is no "all"."""

from typing import NamedTuple


class MunicipalityScope(NamedTuple):
    """One municipality and nothing else."""

    municipality_id: str


class AllianceScope(NamedTuple):
    """All municipalities that belong to one alliance now."""

    alliance_id: str


class OperatorScope(NamedTuple):
    """The whole store, for commands run by its operator on the collector's own machine."""


Scope = MunicipalityScope | AllianceScope | OperatorScope
