"""How assets present themselves: their domain, who answers for them, where to read on.

Flows in: dbt's manifest (groups are domains, exposures are pages) and the settings' addresses.
Flows out: groups, kinds, owners, descriptions, code references and links, for all assets.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject

from connections.places import PROJECT
from connections.settings import load_settings

# Code references are marked as beta, and there is no other way to show a file.
warnings.filterwarnings("ignore", message=".*CodeReference", category=dg.BetaWarning)
# What Dagster's import made stays for good: looking for garbage in it, again and again while the
# definitions are made, would cost a third of loading them.
gc.freeze()
Manifest = Mapping[str, Any]
SOURCES, REFERENCE, DECISIONS, PUBLISHING, LIFECYCLE, PAGES = (
    "sources", "reference", "decisions", "publishing", "lifecycle", "pages",
)  # fmt: skip
ENGINEERING, OPERATIONS = "team:data_engineering", "team:billing_operations"
# Where a person reads on, by domain.
DOCS = {
    "usage": "rating.md",
    "pricing": "rating.md",
    "rating": "rating.md",
    "subscriptions": "rating.md",
    "customers": "rating.md",
    "reference": "rating.md",
    "invoices": "reconciliation.md",
    "reconciliation": "reconciliation.md",
    "publishing": "publishing.md",
    "decisions": "publishing.md",
    "lifecycle": "webhooks.md",
    "sources": "loaders.md",
}
_PAGE = "page_"


def docs_metadata(domain: str, code: Path, line: int = 1) -> dict[str, Any]:
    """Code and page of documentation, as references that the UI opens."""
    references = [
        dg.LocalFileCodeReference(file_path=str(code), line_number=line, label="the code")
    ]
    if name := DOCS.get(domain):
        file = str(PROJECT / "docs" / name)
        references.append(
            dg.LocalFileCodeReference(file_path=file, line_number=1, label=f"docs/{name}")
        )
    return {
        "dagster/code_references": dg.CodeReferencesMetadataValue(code_references=list(references))
    }


def owner(role: str) -> str:
    """A role of dbt's groups, as Dagster writes teams: team:billing_operations."""
    return f"team:{role.lower().replace(' ', '_')}"


class Domains(DagsterDbtTranslator):
    """dbt's groups as Dagster's groups, and what a person wants to know of a table."""

    def __init__(self, manifest: Manifest) -> None:
        super().__init__()
        self._owners = {
            group["name"]: owner(group["owner"]["name"]) for group in manifest["groups"].values()
        }
        self._pages = _pages_by_node(manifest)
        self._known: dict[str, dg.AssetSpec] = {}

    def get_asset_spec(
        self, manifest: Manifest, unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """As dagster-dbt says it, and the layer as a kind, the code and the pages."""
        if unique_id not in self._known:
            spec = super().get_asset_spec(manifest, unique_id, project)
            props = self.get_resource_props(manifest, unique_id)
            layer = props["resource_type"]
            layer = str(props["config"].get("schema")) if layer == "model" else layer
            self._known[unique_id] = spec.merge_attributes(
                kinds={layer}, metadata=self._references(props)
            )
        return self._known[unique_id]

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Manifest,
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """A test with what it says in words."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        props = manifest["nodes"][unique_id]
        return spec._replace(description=describe_test(props)) if spec else None

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The domain; staging goes with its source, seeds are what people wrote down."""
        domain: str | None = dbt_resource_props["config"].get("group")
        if domain:
            return domain
        if dbt_resource_props["resource_type"] == "seed":
            return REFERENCE
        return DECISIONS if "ops" in dbt_resource_props["fqn"] else SOURCES

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """Whoever answers for the domain."""
        group = dbt_resource_props["config"].get("group")
        return [self._owners.get(group, ENGINEERING)]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's own words; its SQL is behind the code reference."""
        said: str = dbt_resource_props.get("description") or ""
        return said or f"dbt {dbt_resource_props['resource_type']} {dbt_resource_props['name']}"

    def _references(self, props: Mapping[str, Any]) -> dict[str, Any]:
        code = PROJECT / props["original_file_path"]
        links = docs_metadata(self.get_group_name(props), code)
        # Where it is read; where it is built, another schema, is what the manifest names.
        links["dagster/table_name"] = ".".join(key_of(props))
        if pages := self._pages.get(props["unique_id"]):
            links["pages"] = dg.MetadataValue.md("\n".join(pages))
        return links


def describe_test(props: Mapping[str, Any]) -> str:
    """A test in words: its description, a law's first comment, or what a generic test asks."""
    if said := props.get("description"):
        return str(said)
    if generic := props.get("test_metadata"):
        given = {k: v for k, v in generic["kwargs"].items() if k not in ("model", "column_name")}
        of = f" of {props['column_name']}" if props.get("column_name") else ""
        more = "; ".join(f"{name}: {_plain(value)}" for name, value in given.items())
        return f"{generic['name'].replace('_', ' ')}{of}" + (f" ({more})" if more else "")
    lines = [line.strip() for line in props["raw_code"].splitlines()]
    comment = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    return " ".join(comment) or props["name"].replace("_", " ")


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def page_assets(manifest: Manifest) -> list[dg.AssetSpec]:
    """Each finance page as an external asset at the end of the lineage."""
    return [
        dg.AssetSpec(
            dg.AssetKey(["pages", _page(exposure)]),
            deps=[_key(manifest, node) for node in exposure["depends_on"]["nodes"]],
            group_name=PAGES,
            kinds={"streamlit"},
            owners=[owner(exposure["owner"]["name"])],
            description=exposure["description"],
            metadata={"page": dg.MetadataValue.url(_address(exposure))},
        )
        for exposure in _exposed_pages(manifest)
    ]


def _exposed_pages(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    for exposure in manifest["exposures"].values():
        if exposure["name"].startswith(_PAGE):
            yield exposure


def _page(exposure: Mapping[str, Any]) -> str:
    return str(exposure["name"]).removeprefix(_PAGE)


def _address(exposure: Mapping[str, Any]) -> str:
    return f"{_pages_address()}/{_page(exposure)}"


@cache
def _pages_address() -> str:
    return load_settings().dashboard_url.rstrip("/")


def _key(manifest: Manifest, unique_id: str) -> dg.AssetKey:
    node = manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]
    return dg.AssetKey(key_of(node))


def key_of(props: Mapping[str, Any]) -> list[str]:
    """Where a node of the manifest is read: schema and table."""
    schema = props.get("source_name") or props["config"].get("schema") or props["schema"]
    return [str(schema), props["name"]]


def _pages_by_node(manifest: Manifest) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for exposure in _exposed_pages(manifest):
        link = f"- [{exposure['label']}]({_address(exposure)})"
        for node in exposure["depends_on"]["nodes"]:
            found.setdefault(node, []).append(link)
    return found
