"""Every dbt model and seed as an asset; every dbt test as a check on it.

Flows in: the raw tables and the decisions in `ops`. Flows out: staging, intermediate, marts.
Keys are dagster-dbt's defaults: schema/table, which is where the table is.
"""

import importlib.metadata
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DbtCliInvocation,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)
from packaging.version import Version

from connections.postgres import warehouse
from connections.settings import Settings, load_settings
from orchestration import builds, dbt, rules
from orchestration.failures import as_failures
from orchestration.names import BUILD_OP
from orchestration.seeds import judge, known
from orchestration.warehouse import migrate, only_one


class LayersAsGroups(DagsterDbtTranslator):
    """An asset's group is its layer: the graph reads from left to right as the design."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The schema that the project configures for the node."""
        schema: str | None = dbt_resource_props["config"].get("schema")
        return schema


SETTINGS = load_settings()
PROJECT = DbtProject(
    dbt.REPOSITORY,
    profiles_dir=dbt.PROJECT_FOLDER,
    target_path=dbt.target_folder(SETTINGS),
)


class BuildConfig(dg.Config):
    """How to build. `full_refresh` rebuilds the incremental tables."""

    full_refresh: bool = False


@dbt_assets(
    manifest=dbt.prepare(SETTINGS),
    project=PROJECT,
    name=BUILD_OP,
    dagster_dbt_translator=LayersAsGroups(),
)
def models(
    context: dg.AssetExecutionContext, config: BuildConfig, dbt_cli: DbtCliResource
) -> Iterator[Any]:
    """One dbt build with data tests, made beside what people read and swapped in when it passed.

    Also where only some assets are asked for: what people read comes from one build, so all of it
    is built, and what is incremental costs little.
    """
    settings = load_settings()
    dbt.export_environment(settings)
    dbt.forget_old_invocations(settings)
    with as_failures("dbt"), only_one(settings, "dbt build"):
        dbt.check_current(settings)
        migrate(settings)
        with warehouse(settings) as conn:
            judge.refuse(known.read(conn))
        yield from _built(context, settings, config, dbt_cli)


def _built(
    context: dg.AssetExecutionContext,
    settings: Settings,
    config: BuildConfig,
    dbt_cli: DbtCliResource,
) -> Iterator[Any]:
    parsed = dbt.manifest(settings)
    today = rules.fingerprint(parsed)
    full_refresh = config.full_refresh or today != rules.remembered(settings)
    if full_refresh:
        context.log.info("the rules have changed: incremental tables are rebuilt")
    flags = ["--full-refresh"] if full_refresh else []
    invocation = dbt_cli.cli(
        [*dbt.BUILD, *flags, "--vars", dbt.variables(settings)],
        raise_on_error=False,
        **_whom(context, parsed),
    )
    yield from _asked_for(context, invocation.stream())
    results = _results(invocation)
    if error := invocation.get_error():
        builds.fail_unfinished(settings, _invocation_id(results), str(error))
    if full_refresh and rules.made_all(parsed, results):
        rules.remember(settings, today)
    _raise_if_failed(invocation, results)


def _whom(context: dg.AssetExecutionContext, parsed: Mapping[str, Any]) -> dict[str, Any]:
    """How dagster-dbt is told what to build: given a context, it would select a part."""
    if not context.is_subset:
        return {"context": context}
    return {"manifest": parsed, "dagster_dbt_translator": LayersAsGroups()}


def _asked_for(context: dg.AssetExecutionContext, events: Iterator[Any]) -> Iterator[Any]:
    """The events of a build as the run expects them: results for what was selected."""
    if not context.is_subset:
        yield from events
        return
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


class OfflineDbt(DbtCliResource):
    """dbt as a child process, which is not asked for its version: `dbt --version` asks PyPI."""

    @cached_property
    def _cli_version(self) -> Version:
        return Version(importlib.metadata.version("dbt-core"))


def dbt_resource() -> DbtCliResource:
    """dbt from this interpreter's own folder, whatever PATH says."""
    # The validator takes a DbtProject and fills in its folders; only the annotation says str.
    project: Any = PROJECT
    return OfflineDbt(project_dir=project, dbt_executable=str(dbt.EXECUTABLE))
