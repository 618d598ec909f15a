"""What happens to plans and accounts. In: a company. Out: events, where they make sense."""

from __future__ import annotations

from company.firm import PROVINCES, Company


def reprice(company: Company) -> None:
    plans = company.offered()
    if not plans:
        return
    values = {
        "price": str(company.chance.randint(0, 30000) / 100),
        "included_cpu_seconds": str(company.pick((0, 20, 500))),
        "overage_price_per_cpu_second": str(company.chance.randint(0, 2000) / 10000),
    }
    edited = dict(company.chance.sample(sorted(values.items()), company.chance.randint(1, 3)))
    company.change("plans", company.pick(plans), "is repriced", edited, company.stamp())


def rename(company: Company) -> None:
    plans = company.offered()
    if plans:
        name = company.pick(plans)
        code = f"code-{name}-{company.chance.randint(2, 99)}"
        company.codes.add(code)
        company.change("plans", name, "is renamed", {"code": code}, company.stamp())


def change_currency(company: Company) -> None:
    plans = company.offered()
    if plans:
        currency = company.pick(("CAD", "USD", "cad"))
        company.change(
            "plans",
            company.pick(plans),
            "changes currency",
            {"currency": currency},
            company.stamp(),
        )


def change_interval(company: Company) -> None:
    """Only a plan whose holders, all that it ever had, never changed their pace."""
    holders: dict[str, set[str]] = {plan: set() for plan in company.rows["plans"]}
    for event in company.events:
        if event.table == "subscriptions" and "plan_id" in event.values:
            holders[event.values["plan_id"]].add(event.key)
    plans = [plan for plan in company.offered() if not holders[plan] & company.paced]
    if plans:
        name = company.pick(plans)
        company.paced |= holders[name]
        interval = company.pick(("month", "quarter", "year"))
        values = {"billing_interval": interval}
        company.change("plans", name, "changes interval", values, company.pick(("moved", "still")))


def delete(company: Company) -> None:
    plans = company.offered()
    if len(plans) > 2:
        company.remove("plans", company.pick(plans), "row is deleted")


def double(company: Company) -> None:
    """A second row of one code: the old price stays for who has it."""
    plans = company.offered()
    if plans:
        twin = company.rows["plans"][company.pick(plans)]
        name = f"p{len(company.rows['plans']) + 1}"
        company.new_plan(name, twin["currency"], twin["billing_interval"], twin["code"])


def new_plan(company: Company) -> None:
    if len(company.rows["plans"]) < 7:
        company.new_plan(f"p{len(company.rows['plans']) + 1}", "CAD", "month")


def touch(company: Company) -> None:
    """updated_at moves and nothing else does."""
    plans = company.offered()
    if plans:
        company.change("plans", company.pick(plans), "is touched", {}, "moved")


def move_province(company: Company) -> None:
    user = company.pick(company.rows["users"])
    values = {"province": company.pick(PROVINCES)}
    company.change("users", user, "moves", values, company.stamp())
