"""What the ledger says against a line at the moment of its claim: time or money billed already.

In: lines about to be claimed, under the lock of claims. Out: for some of them the reason why they
are held. The models judge the same of what was billed before their build; nothing that was billed
since, or by an older ledger, or is back in Odoo, gets past this look.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import combinations
from typing import Any

from publishers import ledger
from publishers.lines import Line

BACK = "released_document_is_back"
_GIVEN = """
with given as (
    select * from json_to_recordset(%s) as given (
        line_key text, subscription_id text, charge text, currency text, is_ordinary boolean,
        rated_start timestamptz, period_end timestamptz, held_from timestamptz,
        held_until timestamptz, corrected timestamptz[]
    )
)
"""
# Only one line per charge and period start is ordinary time: whatever its kind, it is that time.
_OTHERWISE = (
    _GIVEN
    + """
select distinct on (given.line_key)
    given.line_key, billed.document_key, billed.service_period_start, billed.service_period_end
from given
inner join ops.publication_lines as billed
    on billed.subscription_id = given.subscription_id
        and coalesce(billed.charge, '') = given.charge
        and billed.service_period_start <> given.rated_start
        and coalesce(billed.segment_start, billed.service_period_start) < given.held_until
        and coalesce((billed.content ->> 'segment_end')::timestamptz, billed.service_period_end)
            > given.held_from
where given.is_ordinary and billed.released_at is null
    and billed.corrects_period_start is null
    and not billed.service_period_start = any(coalesce(given.corrected, '{}'))
order by given.line_key, billed.service_period_start
"""
)
_BACK = (
    _GIVEN
    + f"""
select distinct on (given.line_key) given.line_key, publications.document_key
from given
inner join ops.publication_lines as freed
    on freed.subscription_id = given.subscription_id
        and coalesce(freed.corrects_period_start, freed.service_period_start) < given.period_end
        and freed.service_period_end > given.rated_start
inner join ops.publications using (document_key)
where publications.state = 'released' and publications.finding = '{BACK}'
order by given.line_key, publications.document_key
"""
)
_BALANCES = (
    _GIVEN
    + """
select
    given.line_key, coalesce(sum(billed.amount), 0), coalesce(max(billed.adjustment_number), 0),
    string_agg(distinct billed.document_key, ', ')
from given
left join ops.publication_lines as billed
    on billed.subscription_id = given.subscription_id
        and coalesce(billed.corrects_period_start, billed.service_period_start) = given.rated_start
        and billed.currency = given.currency
        and coalesce(billed.charge, '') = given.charge
        and billed.kind <> 'credit'
        and billed.released_at is null
group by given.line_key
"""
)


def refusals(cursor: Any, lines: Sequence[Line]) -> dict[str, str]:
    """Reasons by line key; a credit that a person asked for is of its document and never judged."""
    judged = [line for line in lines if not line.credits_document_key]
    if not judged:
        return {}
    given = ledger.as_json([_row(line) for line in judged])
    return {
        **_twice_in_one_claim(judged),
        **_billed_since(cursor, given, judged),
        **_billed_otherwise(cursor, given, judged),
        **_back_again(cursor, given),
    }


def _row(line: Line) -> dict[str, Any]:
    return {
        "line_key": line.line_key,
        "subscription_id": line.subscription_id,
        "charge": line.charge,
        "currency": line.currency,
        "is_ordinary": line.corrects_period_start is None,
        "rated_start": _rated_start(line),
        "period_end": line.service_period_end,
        "held_from": _held(line)[0],
        "held_until": _held(line)[1],
        "corrected": list(line.row.get("corrected_period_starts") or ()),
    }


def _rated_start(line: Line) -> datetime:
    return line.corrects_period_start or line.service_period_start


def _held(line: Line) -> tuple[datetime, datetime]:
    """The service time of the line itself, which may be a part of its period."""
    until: datetime | None = line.row.get("segment_end")
    return line.segment_start or line.service_period_start, until or line.service_period_end


def _billed_since(cursor: Any, given: str, lines: Sequence[Line]) -> dict[str, str]:
    """Lines that were made when the ledger had billed another amount of their charge and period."""
    cursor.execute(_BALANCES, (given,))
    found = {key: (amount, number, where) for key, amount, number, where in cursor.fetchall()}
    reasons = {}
    for line in lines:
        assumed = Decimal(line.row.get("assumed_billed_amount") or 0)
        last = int(line.row.get("assumed_adjustment_number") or 0)
        amount, number, where = found[line.line_key]
        if (amount, number) != (assumed, last):
            reasons[line.line_key] = (
                f"line {line.line_key}: {amount} {line.currency} of its charge and period is billed"
                f" ({where or 'in no document'}), {assumed} was when it was made: billed since it"
                " was made; the next build will say what is left"
            )
    return reasons


def _billed_otherwise(cursor: Any, given: str, lines: Sequence[Line]) -> dict[str, str]:
    cursor.execute(_OTHERWISE, (given,))
    by_key = {line.line_key: line for line in lines}
    return {
        key: _otherwise(by_key[key], f"document {document}", start, end)
        for key, document, start, end in cursor.fetchall()
    }


def _otherwise(line: Line, where: str, start: datetime, end: datetime) -> str:
    return (
        f"line {line.line_key} is for {_span(line.service_period_start, line.service_period_end)},"
        f" and {where} bills the same {line.charge or line.kind} of"
        f" {line.external_subscription_id} for {_span(start, end)}: correct or release that first"
    )


def _span(start: datetime, end: datetime) -> str:
    return f"{start.isoformat()} to {end.isoformat()}"


def _back_again(cursor: Any, given: str) -> dict[str, str]:
    cursor.execute(_BACK, (given,))
    return {
        key: f"line {key}: document {document} was released as gone and Odoo holds it again:"
        " cancel it there first"
        for key, document in cursor.fetchall()
    }


def _twice_in_one_claim(lines: Sequence[Line]) -> dict[str, str]:
    """Neither is in the ledger yet: of two periods over the same time both wait."""
    groups: Mapping[tuple[str, str], list[Line]] = defaultdict(list)
    for line in lines:
        if line.corrects_period_start is None:
            groups[line.subscription_id, line.charge].append(line)
    reasons = {}
    for members in groups.values():
        for one, other in combinations(members, 2):
            if one.service_period_start != other.service_period_start and _overlap(one, other):
                for line, second in ((one, other), (other, one)):
                    span = second.service_period_start, second.service_period_end
                    where = f"line {second.line_key} of this run"
                    reasons[line.line_key] = _otherwise(line, where, *span)
    return reasons


def _overlap(one: Line, other: Line) -> bool:
    (start, end), (other_start, other_end) = _held(one), _held(other)
    return start < other_end and other_start < end
