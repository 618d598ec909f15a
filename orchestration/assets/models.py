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
    """How to build. `full_refresh` makes anew what is otherwise kept from night to night."""

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
    """One dbt build with data tests over what is selected; a failed test stops what follows."""
    settings = load_settings()
    dbt.export_environment(settings)
    dbt.forget_old_invocations(settings)
    with as_failures("dbt"), only_one(settings, "dbt build"):
        dbt.check_current(settings)
        migrate(settings)
        with warehouse(settings) as conn:
            judge.refuse(known.read(conn))
        with builds.recorded(settings, is_whole=not context.is_subset) as build:
            yield from _built(context, settings, config, dbt_cli, build)


def _built(
    context: dg.AssetExecutionContext,
    settings: Settings,
    config: BuildConfig,
    dbt_cli: DbtCliResource,
    build: builds.Build,
) -> Iterator[Any]:
    parsed = dbt.manifest(settings)
    today = rules.fingerprint(parsed)
    anew = config.full_refresh or today != rules.remembered(settings)
    if anew:
        context.log.info("the rules have changed: incremental tables are rebuilt")
    invocation = dbt_cli.cli(
        [*dbt.BUILD, *(["--full-refresh"] if anew else []), "--vars", dbt.variables(settings)],
        context=context,
        raise_on_error=False,
    )
    yield from invocation.stream()
    results = _results(invocation)
    build.count(results)
    if anew and rules.made_all(parsed, results):
        rules.remember(settings, today)
    _raise_if_failed(invocation, results)


def _results(invocation: DbtCliInvocation) -> Mapping[str, Any]:
    try:
        return invocation.get_artifact("run_results.json")
    except FileNotFoundError:  # dbt did not get as far as its first node
        return {"results": []}


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
