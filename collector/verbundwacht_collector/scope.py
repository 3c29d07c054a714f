"""Whose data a reader may see. Every read of the store takes one; there is no "all"."""

from dataclasses import dataclass

# Classes and no tuples: two tuples with the same text in them are equal, whatever they are called,
# and a municipality may have the id of an alliance.


@dataclass(frozen=True, slots=True)
class MunicipalityScope:
    """One municipality and nothing else."""

    municipality_id: str


@dataclass(frozen=True, slots=True)
class AllianceScope:
    """All municipalities that belong to one alliance now."""

    alliance_id: str


@dataclass(frozen=True, slots=True)
class OperatorScope:
    """The whole store, for commands run by its operator on the collector's own machine."""


Scope = MunicipalityScope | AllianceScope | OperatorScope
