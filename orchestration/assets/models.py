"""Every dbt model and seed as an asset; every dbt test as a check on it.

Flows in: the raw tables and the decisions in `ops`. Flows out: staging, intermediate, marts.
Keys are dagster-dbt's defaults: schema/table, which is where the table is.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_dbt import DagsterDbtProjectPreparer, DbtCliInvocation, DbtCliResource

from connections.places import PROJECT
from connections.postgres import warehouse
from connections.settings import Settings, load_settings
from orchestration import builds, dbt, rules
from orchestration.domains import Domains
from orchestration.failures import as_failures
from orchestration.names import BUILD_OP, WAREHOUSE_POOL
from orchestration.resources import Warehouse
from orchestration.warehouse import migrate, only_one

if TYPE_CHECKING:
    from orchestration.column_lineage import ColumnLineage

SETTINGS = load_settings()
if DagsterDbtProjectPreparer().using_dagster_dev():
    dbt.prepare(SETTINGS)  # elsewhere `billing prepare` has done so: loading starts no process
MANIFEST = dbt.manifest(SETTINGS)
DOMAINS = Domains(MANIFEST)


class BuildConfig(dg.Config):
    """How to build. `full_refresh` rebuilds the incremental tables."""

    full_refresh: bool = False


def _specs() -> tuple[list[dg.AssetSpec], list[dg.AssetCheckSpec]]:
    """What @dbt_assets makes of all nodes; it would import dbt's selection engine, seconds long."""
    specs, checks = [], []
    nodes = {key: node["resource_type"] for key, node in MANIFEST["nodes"].items()}
    for unique_id, kind in nodes.items():
        if kind not in ("model", "seed", "snapshot"):
            continue
        spec = DOMAINS.get_asset_spec(MANIFEST, unique_id, None)
        specs.append(spec)
        for child in MANIFEST["child_map"].get(unique_id, []):
            if nodes.get(child) == "test":
                check = DOMAINS.get_asset_check_spec(spec, MANIFEST, child, None)
                checks += [check] if check else []
    return specs, checks


SPECS, CHECK_SPECS = _specs()


@dg.multi_asset(
    name=BUILD_OP,
    specs=SPECS,
    check_specs=CHECK_SPECS,
    can_subset=True,
    allow_arbitrary_check_specs=True,
    pool=WAREHOUSE_POOL,
)
def models(
    context: dg.AssetExecutionContext,
    config: BuildConfig,
    dbt_cli: DbtCliResource,
    billing_warehouse: Warehouse,
) -> Iterator[Any]:
    """One dbt build with data tests, made beside what people read and swapped in when it passed.

    Also where only some assets are asked for: what people read comes from one build, so all of it
    is built, and what is incremental costs little.
    """
    from orchestration.seeds import judge, known  # of spreadsheets: not for loading

    settings = billing_warehouse.settings()
    dbt.export_environment(settings)
    dbt.forget_old_invocations(settings)
    whose = f"run {context.run_id[:8]}"
    with as_failures("dbt"), only_one(settings, "dbt build", whose, context.log.warning):
        dbt.check_current(settings)
        migrate(settings)
        with warehouse(settings) as conn:
            judge.refuse(known.read(conn, judge.discounted()))
        yield from _built(context, settings, config, dbt_cli)


def _built(
    context: dg.AssetExecutionContext,
    settings: Settings,
    config: BuildConfig,
    dbt_cli: DbtCliResource,
) -> Iterator[Any]:
    from orchestration.column_lineage import ColumnLineage  # a parser of SQL: not for loading

    parsed = dbt.manifest(settings)
    today = rules.fingerprint(parsed)
    full_refresh = config.full_refresh or today != rules.remembered(settings)
    if full_refresh:
        context.log.info("the rules have changed: incremental tables are rebuilt")
    flags = ["--full-refresh"] if full_refresh else []
    # Not told the context: given one, dagster-dbt would select a part of the project.
    invocation = dbt_cli.cli(
        [*dbt.BUILD, *flags, "--vars", dbt.variables(settings)],
        raise_on_error=False,
        manifest=parsed,
        dagster_dbt_translator=DOMAINS,
    )
    invocation.termination_timeout_seconds = SECONDS_TO_END
    lineage = ColumnLineage(settings, parsed, invocation.target_path / "compiled")
    yield from _asked_for(context, _events(invocation, parsed, lineage))
    results = _results(invocation)
    if error := invocation.get_error():
        builds.fail_unfinished(settings, _invocation_id(results), str(error))
    if full_refresh and rules.made_all(parsed, results):
        rules.remember(settings, today)
    _raise_if_failed(invocation, results)


# How long dbt may take to end when a run is stopped; the whole run has five seconds.
SECONDS_TO_END = 2
_ROWS = re.compile(r"^(?:SELECT|INSERT 0|INSERT|CREATE) (\d+)\b")


def _events(
    invocation: DbtCliInvocation, parsed: Mapping[str, Any], lineage: "ColumnLineage"
) -> Iterator[Any]:
    """dagster-dbt's events, tables with the rows that dbt wrote and where columns come from."""
    for message in invocation.stream_raw_events():
        if not message.is_result_event:
            continue
        for event in message.to_default_asset_events(parsed, DOMAINS, None, invocation.target_path):
            if isinstance(event, dg.AssetMaterialization):
                data = message.raw_event["data"]
                said = str(data.get("result_message") or data.get("status"))
                more = rows_of(said, event) | lineage.of(data["node_info"]["unique_id"])
                yield event.with_metadata({**event.metadata, **more})
            else:
                yield event


def rows_of(status: str, event: dg.AssetMaterialization) -> dict[str, int]:
    """A rebuilt table has as many rows as were written; an incremental one was only added to."""
    found = _ROWS.match(status)
    if found is None:
        return {}
    node = MANIFEST["nodes"].get(event.metadata["unique_id"].value, {})
    is_kept = node.get("config", {}).get("materialized") == "incremental"
    return {"rows_written" if is_kept else "dagster/row_count": int(found[1])}


def _asked_for(context: dg.AssetExecutionContext, events: Iterator[Any]) -> Iterator[Any]:
    """The events of a build as the run expects them: results for what was selected."""
    assets, checks = context.selected_asset_keys, context.selected_asset_check_keys
    for event in events:
        if isinstance(event, dg.AssetMaterialization) and event.asset_key in assets:
            yield dg.MaterializeResult(asset_key=event.asset_key, metadata=event.metadata)
        elif isinstance(event, dg.AssetCheckEvaluation) and event.asset_check_key in checks:
            yield dg.AssetCheckResult(
                asset_key=event.asset_key,
                check_name=event.check_name,
                passed=event.passed,
                severity=event.severity,
                metadata=event.metadata,
                description=event.description,
            )
        else:
            yield event


def _results(invocation: DbtCliInvocation) -> Mapping[str, Any]:
    try:
        return invocation.get_artifact("run_results.json")
    except FileNotFoundError:  # dbt did not get as far as its first node
        return {"results": []}


def _invocation_id(results: Mapping[str, Any]) -> str:
    """What ops.builds knows the build by; nothing where dbt did not begin one."""
    return str(results.get("metadata", {}).get("invocation_id", ""))


def _raise_if_failed(invocation: DbtCliInvocation, results: Mapping[str, Any]) -> None:
    """Name the nodes that failed; where dbt did not get as far as a node, give its own words."""
    error = invocation.get_error()
    if error is None:
        return
    failed = dbt.failures_of(results)
    if not failed:
        raise dg.Failure(
            description=f"dbt stopped before its first node: {error}", allow_retries=False
        )
    raise dg.Failure(
        description=f"dbt: {len(failed)} nodes failed:\n"
        + "\n".join(f"    {each}" for each in failed),
        metadata={"failed": failed, "artifacts": str(invocation.target_path)},
        allow_retries=False,
    )


def dbt_resource() -> DbtCliResource:
    """dbt from this interpreter's own folder, whatever PATH says."""
    return DbtCliResource(
        project_dir=str(PROJECT),
        profiles_dir=str(dbt.PROJECT_FOLDER),
        dbt_executable=str(dbt.EXECUTABLE),
    )
