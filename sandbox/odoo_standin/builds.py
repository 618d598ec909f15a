"""The two builds of 19.0 that were seen, and all that differs between them, in one table.

Flows in: a build's name. Flows out: a Build, which the registry carries. Both call themselves
19.0, so a client cannot ask which one it has: it asks what it depends on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

BuildName = Literal["first", "later"]
DEFAULT: BuildName = "first"

_PRICES = frozenset({"price_unit", "list_price", "lst_price"})
_TAX_NEEDS = ("country_id", "tax_group_id")
_SAME_NAME = "Another entry with the same name already exists."


@dataclass(frozen=True)
class Build:
    """One column of the table. The first build was measured from end to end, the later one where it
    surprised.
    """

    #: Prices that are kept as sent: fields_get says `digits: False`, whatever the precision is.
    unrounded_fields: frozenset[str]
    #: A name that several records have, in a cell of load(): a warning.
    many_matches: str
    #: The number of a document that another one has.
    same_name: str
    #: A new contact of a company takes the company's address, where it brings none of its own.
    inherits_address: bool
    #: A posted credit note settles its original also where the two have different partners.
    settles_across_partners: bool
    #: Computed fields of a document that load() stores on a draft all the same.
    stored_as_sent: frozenset[str]
    #: What a new tax must bring; elsewhere Odoo takes the company's country and a group.
    required_of_a_tax: tuple[str, ...]


BUILDS: Mapping[str, Build] = {
    "first": Build(
        unrounded_fields=frozenset(),
        many_matches="Found multiple matches for value '{value}' in field '{field}'",
        same_name=_SAME_NAME,
        inherits_address=False,
        settles_across_partners=False,
        stored_as_sent=frozenset(),
        required_of_a_tax=(),
    ),
    "later": Build(
        unrounded_fields=_PRICES,
        many_matches='Found multiple matches for value "{value}" in field "{field}"',
        same_name=f"The operation cannot be completed: {_SAME_NAME}",
        inherits_address=True,
        settles_across_partners=True,
        stored_as_sent=frozenset({"payment_state"}),
        required_of_a_tax=_TAX_NEEDS,
    ),
}
