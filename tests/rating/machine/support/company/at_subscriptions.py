"""What happens to subscriptions. In: a company. Out: events of it, where they make sense."""

from __future__ import annotations

from datetime import UTC, timedelta

from company.firm import Company
from company.story import Row

UNPAID = ("past_due", "suspended")


def _some(company: Company, *statuses: str) -> str | None:
    names = company.standing(*statuses)
    return company.pick(names) if names else None


def sign_up(company: Company) -> None:
    if len(company.rows["subscriptions"]) < 6:
        company.sign_up(company.now, trial=company.chance.random() < 0.4)


def switch(company: Company) -> None:
    name = _some(company, "active", "trialing")
    plan = _other_plan(company, name) if name else None
    if name and plan:
        company.change(
            "subscriptions", name, "switches", {"plan_id": plan}, company.pick(("moved", "still"))
        )


def switch_there_and_back(company: Company) -> None:
    """Leaves a plan and takes it again, within a day or within a month."""
    name = _some(company, "active", "trialing")
    if name is None:
        return
    own = company.rows["subscriptions"][name]["plan_id"]
    pace = company.interval(own)
    others = [plan for plan in company.offered() if plan != own and company.interval(plan) == pace]
    if not others or own in company.gone:
        return
    company.paced.add(name)
    company.change("subscriptions", name, "switches", {"plan_id": company.pick(others)}, "moved")
    left_at = company.now
    company.now += timedelta(hours=company.pick((1, 2, 30, 120, 400)))
    company.now = company.now.replace(hour=min(max(company.now.hour, 9), 20))
    company.change("subscriptions", name, "switches back", {"plan_id": own}, "moved")
    company.now = left_at


def switch_shown_late(company: Company) -> None:
    """A switch that the source dates some weeks before it wrote it: also into billed months."""
    name = _some(company, "active")
    if name is None:
        return
    started = company.rows["subscriptions"][name]["started_at"]
    dated = (company.now - timedelta(days=company.chance.randint(5, 45))).astimezone(UTC)
    plan = _other_plan(company, name) if dated > started else None
    if plan:
        values = {"plan_id": plan}
        company.change("subscriptions", name, "switches, shown late", values, dated)


def correct_start(company: Company) -> None:
    name = _some(company, "active")
    if name is None:
        return
    days = company.pick((-9, -2, 1, 6))
    starts = company.rows["subscriptions"][name]["started_at"] + timedelta(days=days)
    if starts < company.now:
        values = {"started_at": starts}
        company.change("subscriptions", name, "start is corrected", values, company.stamp())


def _other_plan(company: Company, name: str) -> str | None:
    """Another plan; another pace only once in a subscription's life."""
    own = company.rows["subscriptions"][name]["plan_id"]
    plans = [plan for plan in company.offered() if plan != own]
    if name in company.paced:
        plans = [plan for plan in plans if company.interval(plan) == company.interval(own)]
    if not plans:
        return None
    plan = str(company.pick(plans))
    if company.interval(plan) != company.interval(own):
        company.paced.add(name)
    return plan


def hand_over(company: Company) -> None:
    name = _some(company, "active", "trialing", "suspended")
    if name:
        user = company.pick(company.rows["users"])
        stamp = company.pick(("moved", "still"))
        company.change("subscriptions", name, "is handed over", {"user_id": user}, stamp)


def cancel(company: Company) -> None:
    """Now, at a later day, or a few days ago."""
    name = _some(company, "active", "trialing", "suspended")
    if name is None:
        return
    days = company.pick((0, 0, 0, 6, 25, -4))
    ends = (company.now + timedelta(days=days)).astimezone(UTC)
    if ends <= company.rows["subscriptions"][name]["started_at"]:
        return
    values: Row = {"cancelled_at": ends}
    if days <= 0:
        values["status"] = "cancelled"
    company.change("subscriptions", name, "cancels", values, company.stamp())


def _ended(company: Company) -> str | None:
    names = [
        name
        for name, row in company.rows["subscriptions"].items()
        if row["cancelled_at"] is not None and name not in company.gone
    ]
    return company.pick(names) if names else None


def correct_cancellation(company: Company) -> None:
    name = _ended(company)
    if name is None:
        return
    row = company.rows["subscriptions"][name]
    ends = row["cancelled_at"] + timedelta(days=company.pick((-7, -2, 3, 12, 35)))
    if ends > row["started_at"]:
        values = {"cancelled_at": ends}
        company.change("subscriptions", name, "end is corrected", values, company.stamp())


def undo_cancellation(company: Company) -> None:
    name = _ended(company)
    if name:
        values = {"cancelled_at": None, "status": "active"}
        company.change("subscriptions", name, "cancellation undone", values, company.stamp())


def start_again(company: Company) -> None:
    name = _ended(company)
    if name is None or company.rows["subscriptions"][name]["cancelled_at"] >= company.now:
        return
    values = {"started_at": company.now.astimezone(UTC), "cancelled_at": None, "status": "active"}
    company.change("subscriptions", name, "starts again", values, "moved")


def suspend(company: Company) -> None:
    name = _some(company, "active", "trialing")
    if name:
        values = {"status": company.pick(UNPAID)}
        stamp = company.pick(("moved", "moved", "still"))
        company.change("subscriptions", name, "is suspended", values, stamp)


def restore(company: Company) -> None:
    name = _some(company, "unheard", *UNPAID)
    if name:
        stamp = company.pick(("moved", "moved", "still"))
        company.change("subscriptions", name, "is restored", {"status": "active"}, stamp)


def unknown_status(company: Company) -> None:
    name = _some(company, "active")
    if name:
        company.change("subscriptions", name, "becomes unheard of", {"status": "unheard"}, "moved")


def delete(company: Company) -> None:
    names = [name for name in company.rows["subscriptions"] if name not in company.gone]
    company.remove("subscriptions", company.pick(names), "row is deleted") if names else None
