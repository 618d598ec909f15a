"""Every seed is judged before anything is rated by it.

Flows in: the files of the project, or of a proposed price book, and what the warehouse knows. Flows
out: problems that name file, line, column and value, and say what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from orchestration.command_error import CommandError
from orchestration.dbt import PROJECT_FOLDER
from orchestration.seeds import book, discounts, files
from orchestration.seeds.cells import setting_name
from orchestration.seeds.files import SeedFile, SeedProblem, SeedRow
from orchestration.seeds.known import ANY, Known
from orchestration.seeds.tables import (
    CHARGES,
    COSTS,
    DISCOUNTS,
    METRICS,
    OVERRIDES,
    PRODUCTS,
    SERVICES,
    TABLES,
    TIERS,
)

SHOWN = 20  # problems that a refusal lists; the first ones usually explain the rest
# What a subscription costs a month before any usage: a cost without a metric of its own.
SUBSCRIPTION_MONTH = "subscription_month"
_NOTHING = SeedFile((), (), ())

Files = Mapping[str, Path]


def project_files(folder: Path = PROJECT_FOLDER / "seeds") -> dict[str, Path]:
    """The seeds of this project that people edit."""
    return {name: folder / f"{name}.csv" for name in TABLES}


def discounted(proposed: Files | None = None) -> set[str]:
    """The subscriptions that discounts are for: what the judge has to know whether they exist."""
    path = (proposed or {}).get(DISCOUNTS)
    given = path or project_files()[DISCOUNTS]
    rows = read(DISCOUNTS, given, is_proposal=path is not None).rows
    return {name for row in rows if (name := row["external_subscription_id"])}


def refuse(known: Known, proposed: Files | None = None) -> None:
    """Raise CommandError with every problem's sentence, where a seed cannot be rated by."""
    found = problems(known, proposed)
    if not found:
        return
    said = [f"  - {problem}" for problem in found[:SHOWN]]
    if len(found) > SHOWN:
        said.append(f"  - and {len(found) - SHOWN} more")
    raise CommandError("\n".join(["the seeds cannot be rated by:", *said]))


def refuse_policies(overrides: Mapping[str, Mapping[str, str]]) -> None:
    """Raise CommandError where a policy for one run could not stand in services.csv."""
    services = read(SERVICES, project_files()[SERVICES], is_proposal=False).rows
    names = {row["service"] or "" for row in services}
    columns = TABLES[SERVICES].columns
    for service, policies in overrides.items():
        if service not in names:
            raise CommandError(f"{service} {_unknown('services.csv', service, names)}")
        for policy, value in policies.items():
            if policy not in columns or policy in TABLES[SERVICES].key:
                raise CommandError(f"there is no policy {policy}: {', '.join(columns)}")
            if what := columns[policy](value):
                raise CommandError(f'{service}.{policy} "{value}": {what}')


def problems(
    known: Known, proposed: Files | None = None, project: Files | None = None
) -> list[SeedProblem]:
    """Everything that is wrong. A proposed price book stands in the place of the project's: both of
    its files, also where it has no tiers.
    """
    paths = dict(project or project_files())
    proposed = dict(proposed or {})
    if CHARGES in proposed:
        paths.pop(CHARGES, None)
        paths.pop(TIERS, None)
    seeds = {name: read(name, path, is_proposal=False) for name, path in paths.items()}
    seeds |= {name: read(name, path, is_proposal=True) for name, path in proposed.items()}
    found = [problem for seed in seeds.values() for problem in seed.problems]
    found += [
        problem
        for name, seed in seeds.items()
        for row in seed.rows
        for problem in _cells(name, row)
    ]
    # What rows say together is judged when each of them can be read.
    return found or list(_together(seeds, known))


def read(name: str, path: Path, *, is_proposal: bool) -> SeedFile:
    """The rows of a seed's file, and what is wrong with the file itself."""
    table = TABLES[name]
    required = table.required(is_proposal=is_proposal)
    return files.read(path, frozenset(table.columns), required)


def _cells(name: str, row: SeedRow) -> Iterator[SeedProblem]:
    table = TABLES[name]
    for column, judge in table.columns.items():
        text = row[column]
        if text is None:
            if column in table.filled:
                yield row.problem(column, "is empty; write it")
        elif text != text.strip() or not text.isprintable():
            yield row.problem(column, "has spaces around it or hidden characters; remove them")
        elif what := judge(text):
            yield _hidden(row, column, what) if judge is setting_name else row.problem(column, what)


def _hidden(row: SeedRow, column: str, what: str) -> SeedProblem:
    """A secret that was pasted where its name belongs is not repeated."""
    return SeedProblem(row.file, row.line, column, None, what)


def _together(seeds: Mapping[str, SeedFile], known: Known) -> Iterator[SeedProblem]:
    rows = {name: seeds.get(name, _NOTHING).rows for name in TABLES}
    for name, listed in rows.items():
        if TABLES[name].key:
            yield from _twice(listed, TABLES[name].key)
    yield from book.problems(rows[CHARGES], rows[TIERS])
    yield from _costs(rows[COSTS])
    yield from _webhooks(rows[SERVICES])
    services = {row["service"] or "" for row in rows[SERVICES]}
    for name in (METRICS, CHARGES, TIERS, DISCOUNTS, OVERRIDES, PRODUCTS, COSTS):
        for row in rows[name]:
            yield from _service(row, services, is_pattern=name == PRODUCTS)
    for row in (*rows[CHARGES], *rows[PRODUCTS]):
        yield from _plan(row, known)
    metrics = {(row["service"], row["metric"]) for row in rows[METRICS]}
    for row in (*rows[CHARGES], *rows[COSTS]):
        yield from _metric(row, metrics, known)
    for row in (*rows[CHARGES], *rows[COSTS], *rows[DISCOUNTS]):
        yield from _currency(row, known)
    for row in rows[CHARGES]:
        yield from _borrowed_name(row, metrics, known)
    every = {name or "" for _, name in metrics} | known.metrics.get(ANY, frozenset())
    yield from discounts.problems(rows[DISCOUNTS], rows[CHARGES], every, known)


def _twice(rows: Sequence[SeedRow], key: tuple[str, ...]) -> Iterator[SeedProblem]:
    seen: dict[tuple[str | None, ...], int] = {}
    for row in rows:
        values = tuple(row[column] for column in key)
        if values in seen:
            what = f"line {seen[values]} has the same {', '.join(key)}; keep one of them"
            yield row.problem(key[-1], what)
        seen.setdefault(values, row.line)


def _costs(rows: Sequence[SeedRow]) -> Iterator[SeedProblem]:
    for row in rows:
        yield from book.bounds(row)
    yield from book.overlaps(
        [((row["service"], row["currency"], row["metric"]), row) for row in rows]
    )


def _webhooks(rows: Sequence[SeedRow]) -> Iterator[SeedProblem]:
    for row in rows:
        for column in ("webhook_url_name", "webhook_secret_name"):
            if row["webhook_enabled"] == "true" and row[column] is None:
                yield row.problem(column, "is empty, but webhook_enabled is true; name the setting")


def _service(row: SeedRow, services: set[str], *, is_pattern: bool) -> Iterator[SeedProblem]:
    service = row["service"] or ""
    if service not in services and not (is_pattern and service == ANY):
        yield row.problem("service", _unknown("services.csv", service, services))


def _plan(row: SeedRow, known: Known) -> Iterator[SeedProblem]:
    service, plan = row["service"] or "", row["plan_code"] or ""
    if plan == ANY or not known.plans:
        return
    every = frozenset().union(*known.plans.values())
    plans = every if service == ANY else known.plans_of(service)
    if plan not in plans:
        yield row.problem("plan_code", _unknown(f"any source of {service}", plan, plans))


Metrics = set[tuple[str | None, str | None]]


def _metric(row: SeedRow, metrics: Metrics, known: Known) -> Iterator[SeedProblem]:
    metric = row["metric"]
    if metric in (None, SUBSCRIPTION_MONTH) and (metric is None or row["unit_cost"] is not None):
        return
    names = _metric_names(row, metrics, known)
    if metric not in names:
        yield row.problem("metric", _unknown("metrics.csv and Odoo", metric or "", names))


def _metric_names(row: SeedRow, metrics: Metrics, known: Known) -> set[str]:
    names = {name or "" for of, name in metrics if of == row["service"]}
    return names | known.metrics.get(ANY, frozenset())


def _borrowed_name(row: SeedRow, metrics: Metrics, known: Known) -> Iterator[SeedProblem]:
    """A charge on a metric is called by it, whichever source it comes from: no other may be."""
    charge = row["charge"]
    if charge and charge != row["metric"] and charge in _metric_names(row, metrics, known):
        yield row.problem("charge", "is the name of a metric and so of its charge; write another")


def _currency(row: SeedRow, known: Known) -> Iterator[SeedProblem]:
    currency = (row["currency"] or "").upper()
    if currency and known.currencies and currency not in known.currencies:
        yield row.problem("currency", _unknown("Odoo", currency, known.currencies))


def _unknown(where: str, name: str, names: set[str] | frozenset[str]) -> str:
    close = get_close_matches(name, sorted(names), n=3, cutoff=0.5) or sorted(names)[:5]
    advice = f"; write {' or '.join(close)}" if close else "; there is none yet"
    return f"is unknown to {where}{advice}"
