"""A seed that cannot be rated by is refused before anything is rated, and the refusal helps."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestration.command_error import CommandError
from orchestration.seeds import judge
from orchestration.seeds.known import Known

KNOWN = Known(
    subscriptions={"nexacloud": frozenset({"sub-1"}), "*": frozenset({"S00042"})},
    plans={"nexacloud": frozenset({"basic", "pro"}), "*": frozenset({"Monthly"})},
    metrics={"*": frozenset({"messages"})},
    currencies=frozenset({"CAD", "JPY"}),
)
COLUMNS = {
    "charges": "service,plan_code,charge,metric,charge_model,currency,base_fee,included_quantity,"
    "minimum,maximum,package_size,unit_price,rate_percent,valid_from,valid_to",
    "charge_tiers": "service,plan_code,charge,valid_from,tier_to,unit_price,flat_fee",
    "discounts": "service,external_subscription_id,charge,discount_percent,discount_amount,"
    "currency,valid_from,valid_to,reason,granted_by",
}
FEE = {"service": "nexacloud", "plan_code": "basic", "currency": "CAD", "base_fee": "5"}
USAGE = {**FEE, "base_fee": "", "metric": "cpu_seconds", "unit_price": "0.5"}
TIERED = {**USAGE, "charge_model": "graduated", "unit_price": ""}
TIER = {"service": "nexacloud", "plan_code": "basic", "charge": "cpu_seconds", "unit_price": "1"}
OPEN = {**TIER, "tier_to": ""}

Rows = list[dict[str, str]]


def write(folder: Path, name: str, rows: Rows) -> None:
    """A file of the price book with these rows."""
    names = COLUMNS[name].split(",")
    lines = [",".join(row.get(column, "") for column in names) for row in rows]
    (folder / f"{name}.csv").write_text("\n".join([COLUMNS[name], *lines]) + "\n")


@pytest.fixture
def seeds(tmp_path: Path) -> Path:
    """A copy of the project's seeds, to write into."""
    folder = tmp_path / "seeds"
    shutil.copytree(judge.project_files()["charges"].parent, folder)
    return folder


def judged(folder: Path, known: Known = KNOWN) -> list[str]:
    return [str(each) for each in judge.problems(known, project=judge.project_files(folder))]


# What the rows are, then what the one refusal says: file and line, column, value, advice.
CHARGES: dict[str, tuple[Rows, tuple[str, ...]]] = {
    "a negative price": ([{**FEE, "base_fee": "-60.00"}], ("base_fee", '"-60.00"', "0 or more")),
    "not a number": ([{**FEE, "base_fee": "NaN"}], ("base_fee", '"NaN"', "12.50")),
    "infinity": ([{**USAGE, "unit_price": "Infinity"}], ("unit_price", '"Infinity"', "12.50")),
    "an exponent": ([{**USAGE, "unit_price": "1e3"}], ("unit_price", '"1e3"', "12.50")),
    "a decimal comma": ([{**FEE, "base_fee": '"12,50"'}], ("base_fee", '"12,50"', "one point")),
    "nine decimals": (
        [{**USAGE, "unit_price": "0.000000001"}],
        ("unit_price", "0.000000001", "6 decimals"),
    ),
    "a price of thirty digits": ([{**FEE, "base_fee": "9" * 30}], ("base_fee", "12 digits")),
    "an unknown plan": ([{**FEE, "plan_code": "basik"}], ("plan_code", '"basik"', "basic")),
    "an unknown service": ([{**FEE, "service": "nexaclod"}], ("service", "nexaclod", "nexacloud")),
    "an unknown currency": ([{**FEE, "currency": "XXX"}], ("currency", '"XXX"', "CAD")),
    "a word for a currency": ([{**FEE, "currency": "dollars"}], ("currency", '"dollars"', "CAD")),
    "an unknown metric": ([{**USAGE, "metric": "cpu"}], ("metric", '"cpu"', "cpu_seconds")),
    "an unknown model": ([{**USAGE, "charge_model": "tiered"}], ("charge_model", "graduated")),
    "neither fee nor metric": ([{**FEE, "base_fee": ""}], ("base_fee", "a metric")),
    "usage without a price": ([{**USAGE, "unit_price": ""}], ("unit_price", "empty")),
    "tiers that are not there": ([TIERED], ("charge_model", '"graduated"', "charge_tiers.csv")),
    "a package of nothing": (
        [{**USAGE, "charge_model": "package", "package_size": "0"}],
        ("package_size", '"0"', "more than 0"),
    ),
    "a negative percentage": (
        [{**USAGE, "charge_model": "percentage", "unit_price": "", "rate_percent": "-3"}],
        ("rate_percent", '"-3"', "0 or more"),
    ),
    "a percentage that nothing reads": (
        [{**USAGE, "rate_percent": "3"}],
        ("rate_percent", '"3"', "percentage"),
    ),
    "a quota on a fee": (
        [{**FEE, "included_quantity": "3"}],
        ("included_quantity", '"3"', "metric"),
    ),
    "a minimum above the maximum": (
        [{**USAGE, "minimum": "9", "maximum": "3"}],
        ("minimum", '"9"', "3"),
    ),
    "a metric on a fee that is charged once": (
        [{**USAGE, "charge_model": "one_off", "base_fee": "5", "unit_price": ""}],
        ("metric", '"cpu_seconds"', "empty"),
    ),
    "an end before the beginning": (
        [{**FEE, "valid_from": "2026-05-01", "valid_to": "2026-05-01"}],
        ("valid_to", '"2026-05-01"', "later"),
    ),
    "a day that no month has": (
        [{**FEE, "valid_from": "2026-02-30"}],
        ("valid_from", '"2026-02-30"', "2026-05-01"),
    ),
    "another way to write days": (
        [{**FEE, "valid_from": "01/05/2026"}],
        ("valid_from", '"01/05/2026"', "2026-05-01"),
    ),
    "the year 1": ([{**FEE, "valid_from": "0001-01-01"}], ("valid_from", "0001", "2000 to 2100")),
    "a space behind a code": ([{**FEE, "plan_code": "basic "}], ("plan_code", '"basic "', "space")),
}
TOGETHER: dict[str, tuple[Rows, tuple[str, ...]]] = {
    "two prices at once": (
        [{**FEE, "valid_to": "2026-05-02"}, {**FEE, "valid_from": "2026-05-01"}],
        ("line 3", "valid_from", '"2026-05-01"', "line 2"),
    ),
    "a fee beside a charge that is called base": (
        [{**USAGE, "charge": "base", "base_fee": "5"}],
        ("line 2", "charge", '"base"', "write another name"),
    ),
    "a fee charged once without a name": (
        [{**FEE, "charge_model": "one_off"}],
        ("line 2", "charge", "base is the fee of each period", "write another name"),
    ),
    "a fee that is called as the usage": (
        [{**FEE, "charge": "cpu_seconds"}],
        ("line 2", "charge", '"cpu_seconds"', "write another"),
    ),
    "usage that is called as the fee": (
        [{**USAGE, "charge": "base"}],
        ("line 2", "charge", '"base"', "write another name"),
    ),
}
TIERS: dict[str, tuple[Rows, tuple[str, ...]]] = {
    "no open end": ([{**TIER, "tier_to": "10"}], ("line 2", "tier_to", '"10"', "empty")),
    "two open ends": ([OPEN, {**OPEN, "unit_price": "2"}], ("tier_to", "only the last")),
    "falling bounds": (
        [{**TIER, "tier_to": "10"}, {**TIER, "tier_to": "5"}, OPEN],
        ("line 3", "tier_to", '"5"', "above 10"),
    ),
    "a bound of zero": ([{**TIER, "tier_to": "0"}, OPEN], ("tier_to", '"0"', "more than 0")),
    "no price": ([{**OPEN, "unit_price": ""}], ("unit_price", "flat_fee")),
    "a negative fee": ([{**OPEN, "flat_fee": "-1"}], ("flat_fee", '"-1"', "0 or more")),
    "a charge that is not there": ([{**OPEN, "charge": "cpu"}], ("charge", '"cpu"', "charges.csv")),
    "another valid_from": ([{**OPEN, "valid_from": "2026-05-01"}], ("charge", "valid_from")),
}
OFF = {
    "service": "nexacloud",
    "external_subscription_id": "sub-1",
    "discount_percent": "10",
    "valid_from": "2026-05-01",
    "reason": "launch",
    "granted_by": "ann",
}
AMOUNT_OFF = {**OFF, "discount_percent": "", "discount_amount": "5", "currency": "CAD"}
DISCOUNTS: dict[str, tuple[Rows, tuple[str, ...]]] = {
    "nothing off": ([{**OFF, "discount_percent": ""}], ("line 2", "discount_percent", "one of")),
    "both": ([{**AMOUNT_OFF, "charge": "base", "discount_percent": "5"}], ("one of them",)),
    "more than all": ([{**OFF, "discount_percent": "100.5"}], ('"100.5"', "at most 100")),
    "less than nothing": ([{**OFF, "discount_percent": "-5"}], ("discount_percent", '"-5"')),
    "an amount off everything": ([AMOUNT_OFF], ("charge", "write which")),
    "an amount of no currency": (
        [{**AMOUNT_OFF, "charge": "base", "currency": ""}],
        ("currency", "empty"),
    ),
    "a currency of a percentage": ([{**OFF, "currency": "CAD"}], ("currency", '"CAD"')),
    "an unknown currency": ([{**AMOUNT_OFF, "charge": "base", "currency": "XXX"}], ('"XXX"',)),
    "nobody granted it": ([{**OFF, "granted_by": ""}], ("granted_by", "empty")),
    "no reason": ([{**OFF, "reason": ""}], ("reason", "empty")),
    "from always": ([{**OFF, "valid_from": ""}], ("valid_from", "empty")),
    "an end before its beginning": ([{**OFF, "valid_to": "2026-04-01"}], ("valid_to", "later")),
    "an unknown subscription": (
        [{**OFF, "external_subscription_id": "sub-2"}],
        ("external_subscription_id", '"sub-2"', "no such subscription"),
    ),
    "an unknown charge": ([{**OFF, "charge": "cpu"}], ("charge", '"cpu"', "cpu_seconds")),
    "two of one charge": (
        [{**OFF, "charge": "base"}, {**AMOUNT_OFF, "charge": "base", "valid_from": "2026-06-01"}],
        ("line 3", "valid_from", "line 2"),
    ),
    "one of all and one of one": ([OFF, {**OFF, "charge": "base"}], ("line 3", "line 2")),
}
WHOLE_FILES: dict[str, tuple[str, bytes, tuple[str, ...]]] = {
    "semicolons": (
        "charges.csv",
        COLUMNS["charges"].replace(",", ";").encode(),
        ("semicolons", "commas"),
    ),
    "another code page": ("charges.csv", COLUMNS["charges"].encode("utf-16"), ("UTF-8",)),
    "no header": ("charges.csv", b"", ("empty", "plan_code")),
    "a column of its own": (
        "charges.csv",
        (COLUMNS["charges"] + ",discount\n").encode(),
        ("line 1", "discount", "no such column"),
    ),
    "a column less": (
        "charges.csv",
        COLUMNS["charges"].replace("minimum,", "").encode(),
        ("minimum", "missing"),
    ),
    "a cell too many": (
        "charges.csv",
        (COLUMNS["charges"] + "\n" + "," * 15 + "\n").encode(),
        ("line 2", "16 cells", "15 columns"),
    ),
    "a quote that is not closed": (
        "charges.csv",
        (COLUMNS["charges"] + '\n"nexacloud,basic\n').encode(),
        ("quote",),
    ),
    "a zone of nowhere": (
        "services.csv",
        b"America/Toronto->America/Torronto",
        ("line 2", "timezone", "America/Torronto"),
    ),
    "a policy of nobody": ("services.csv", b",day,->,daily,", ("proration", '"daily"', "day")),
    "a grace below zero": ("services.csv", b"2 days->-2 days", ("usage_grace", '"-2 days"')),
    "a grace of words": ("services.csv", b"2 days->two days", ("usage_grace", "36 hours")),
    "a tolerance below zero": ("services.csv", b",0.01,->,-0.01,", ("tolerance", '"-0.01"')),
    "a service twice": ("services.csv", b"nexadesk->nexacloud", ("service", "line 2", "keep one")),
    "a half boolean": ("services.csv", b"true->yes", ("bill_suspended", '"yes"', "true or false")),
    "an aggregation of nobody": ("metrics.csv", b",sum,->,mean,", ("aggregation", '"mean"', "sum")),
    "a metric of no service": ("metrics.csv", b"\nnexacloud->\nother", ("service", '"other"')),
    "a cost of nothing known": (
        "unit_costs.csv",
        b"cpu_seconds->cpu",
        ("metric", '"cpu"', "cpu_seconds"),
    ),
    "a cost that pays us": ("unit_costs.csv", b"1.25->-1.25", ("unit_cost", "-1.25")),
    "a pattern with a typing error": (
        "product_map.csv",
        b"{plan_code}->{plan}",
        ("product_code", "{plan}", "{plan_code}"),
    ),
    "two patterns of one order": (
        "product_map.csv",
        b",2,->,1,",
        ("pattern_order", '"1"', "keep one"),
    ),
    "a partner who is no number": (
        "customer_overrides.csv",
        b"note\n->note\nnexacloud,u1,ACME,me,\n",
        ("line 2", "partner_id", '"ACME"'),
    ),
    "a decision by nobody": (
        "customer_overrides.csv",
        b"note\n->note\nnexacloud,u1,7,,\n",
        ("decided_by", "empty"),
    ),
}


def assert_refused(said: list[str], file: str, words: tuple[str, ...]) -> None:
    assert said, "nothing was refused"
    assert said[0].startswith(f"{file}, line "), said
    for word in words:
        assert word in said[0], said


@pytest.mark.parametrize("name", [*CHARGES, *TOGETHER])
def test_a_price_book_that_cannot_be_rated_is_refused(seeds: Path, name: str) -> None:
    rows, words = (CHARGES | TOGETHER)[name]
    write(seeds, "charges", rows)
    assert_refused(judged(seeds), "charges.csv", words)


@pytest.mark.parametrize("name", TIERS)
def test_tiers_that_cannot_be_rated_are_refused(seeds: Path, name: str) -> None:
    rows, words = TIERS[name]
    write(seeds, "charges", [TIERED])
    write(seeds, "charge_tiers", rows)
    said = [each for each in judged(seeds) if each.startswith("charge_tiers.csv")]
    assert_refused(said, "charge_tiers.csv", words)


def test_tiers_of_a_charge_without_tiers_are_refused(seeds: Path) -> None:
    write(seeds, "charges", [USAGE])
    write(seeds, "charge_tiers", [OPEN])
    assert_refused(judged(seeds), "charge_tiers.csv", ("charge", "per_unit", "graduated or volume"))


@pytest.mark.parametrize("name", DISCOUNTS)
def test_a_discount_that_nobody_could_grant_is_refused(seeds: Path, name: str) -> None:
    rows, words = DISCOUNTS[name]
    write(seeds, "discounts", rows)
    assert_refused(judged(seeds), "discounts.csv", words)


def test_discounts_that_follow_each_other_are_right(seeds: Path) -> None:
    rows = [
        {**OFF, "valid_to": "2026-06-01"},
        {**AMOUNT_OFF, "charge": "base", "valid_from": "2026-06-01"},
        {**OFF, "service": "nexadesk", "external_subscription_id": "S00042", "charge": "messages"},
    ]
    write(seeds, "discounts", rows)
    assert judged(seeds) == []


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_a_file_or_a_policy_that_cannot_be_read_is_refused(seeds: Path, name: str) -> None:
    file, content, words = WHOLE_FILES[name]
    path = seeds / file
    old, arrow, new = content.partition(b"->")
    assert not arrow or old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1) if arrow else content)
    assert_refused(judged(seeds), file, words)


def test_a_secret_that_stands_where_its_name_belongs_is_not_repeated(seeds: Path) -> None:
    path = seeds / "services.csv"
    path.write_text(path.read_text().replace("NEXACLOUD_WEBHOOK_SECRET", "whsec-0123456789"))
    said = judged(seeds)
    assert_refused(said, "services.csv", ("line 2", "webhook_secret_name", "name alone"))
    assert "whsec" not in "".join(said)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_any_line_end_and_a_byte_order_mark_are_right(seeds: Path, newline: str, mark: str) -> None:
    write(seeds, "charges", [FEE, {**USAGE, "currency": "cad"}])
    text = (seeds / "charges.csv").read_text()
    (seeds / "charges.csv").write_bytes((mark + text.replace("\n", newline)).encode())
    assert judged(seeds) == []
    write(seeds, "charges", [FEE, {**USAGE, "unit_price": "-1"}])
    text = (seeds / "charges.csv").read_text()
    (seeds / "charges.csv").write_bytes((mark + text.replace("\n", newline)).encode())
    assert_refused(judged(seeds), "charges.csv", ("line 3", '"-1"'))


def test_the_project_s_own_seeds_can_be_rated_by() -> None:
    assert judge.problems(replace(KNOWN, currencies=frozenset())) == []


def test_a_book_with_tiers_and_prices_that_follow_each_other_is_right(seeds: Path) -> None:
    write(
        seeds,
        "charges",
        [
            {**FEE, "valid_to": "2026-05-01"},
            {**FEE, "valid_from": "2026-05-01"},
            TIERED,
            {**USAGE, "plan_code": "Monthly", "metric": "messages", "charge_model": "package"}
            | {"package_size": "100", "minimum": "5", "maximum": "50"},
        ],
    )
    write(seeds, "charge_tiers", [{**TIER, "tier_to": "10"}, {**OPEN, "flat_fee": "3"}])
    assert judged(seeds) == []


def test_dated_policies_are_accepted_and_their_dates_checked(seeds: Path) -> None:
    """services.csv and metrics.csv may say from when a policy counts."""
    path = seeds / "services.csv"
    header, first, *rest = path.read_text().splitlines()
    later = first.replace("nexacloud,,", "nexacloud,2026-07-01,", 1)
    path.write_text("\n".join([header, first, later, *rest]) + "\n")
    assert judged(seeds) == []
    path.write_text(path.read_text().replace("2026-07-01", "2026-13-01"))
    assert_refused(judged(seeds), "services.csv", ("line 3", "valid_from", "2026-13-01"))


def test_names_are_not_judged_before_anything_was_loaded(seeds: Path) -> None:
    write(seeds, "charges", [{**FEE, "plan_code": "soon"}])
    assert judged(seeds, Known()) == []


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ({"nexacloud": {"proration": "fortnight"}}, ("nexacloud.proration", "fortnight", "second")),
        ({"nexacloud": {"prorate": "day"}}, ("no policy prorate", "proration")),
        ({"nexaclod": {"proration": "day"}}, ("nexaclod", "nexacloud")),
        ({"nexacloud": {"tolerance": "-1"}}, ("tolerance", "-1", "0 or more")),
    ],
)
def test_a_policy_for_one_run_is_judged_like_a_row(
    override: dict[str, Any], words: tuple[str, ...]
) -> None:
    with pytest.raises(CommandError) as refused:
        judge.refuse_policies(override)
    for word in words:
        assert word in str(refused.value)
