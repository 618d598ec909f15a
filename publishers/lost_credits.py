"""Credits that people asked for and the ledger has lost: found again by their keys.

In: the beginnings of line keys in a lost credit note, and the customer's lines. Out: the credit as
a line, and its request, so that no more than was billed can be asked for again.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from publishers import credits
from publishers.identities import speak_for
from publishers.readback import Move

# Requests are numbered from one: so many numbers are tried.
REQUESTS = 20_000
WORDS = "Credit: "


def derived(
    rows: Sequence[Mapping[str, Any]], origin: Sequence[str], move: Move
) -> dict[str, dict[str, Any]]:
    """By the beginning of its key: each credit whose number and credited line can be told."""
    numbers = _numbers(set(origin))
    found: dict[str, dict[str, Any]] = {}
    for prefix, line in zip(origin, move.lines, strict=True):
        credited = [row for row in rows if str(line["name"]).startswith(WORDS + row["description"])]
        if prefix in numbers and len(credited) == 1:
            found[prefix] = _credit(credited[0], numbers[prefix])
    return found


def _numbers(wanted: set[str]) -> dict[str, int]:
    keys = ((credits.credit_key(number)[:12], number) for number in range(1, REQUESTS + 1))
    return {key: number for key, number in keys if key in wanted}


def _credit(row: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {
        **row,
        "line_key": credits.credit_key(number),
        "kind": "credit",
        "corrects_period_start": row["service_period_start"],
        "credits_line_key": row["line_key"],
        "credit_id": number,
    }


def keep_requests(cursor: Any, lines: Sequence[Mapping[str, Any]], by: str) -> None:
    """Write the requests down again, under the numbers that their keys are made of."""
    lost = [line for line in lines if "credit_id" in line]
    if lost:
        speak_for(cursor, by)
    for line in lost:
        cursor.execute(
            "select ops.adopt_credit_request(%s, %s, %s, %s, %s)",
            (
                line["credit_id"],
                line["credits_line_key"],
                Decimal(str(line["amount"]).removeprefix("-")),
                line["currency"],
                "adopted from Odoo: the ledger was older",
            ),
        )
