"""The size of the house, as a table: `make house`; `ARGS=-v` names what is counted.

In: dbt's manifest (a file may be named) and the files of the rooms. Out: figures that say whether
the house is still read in an afternoon. test_layers.py holds what must not grow.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from recipes import files_touched

ROOT = Path(__file__).parents[2]
ROOMS = ("connections", "loaders", "publishers", "orchestration", "dashboards", "sandbox")
LAYERS = ("staging", "intermediate", "marts", "serving")
# What each layer may read, beside seeds; `serving` also what people decided, as staging has it.
READS = {
    "staging": ("source",),
    "intermediate": ("staging", "intermediate"),
    "marts": ("staging", "intermediate", "marts"),
    "serving": ("intermediate", "marts", "serving"),
}
USAGE = "source.fusion_billing.raw_nexacloud.usage_records"
PUBLISHED = "invoice_lines_to_publish"


class Graph:
    """The models of a manifest and who reads whom."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        nodes: Iterable[dict[str, Any]] = manifest["nodes"].values()
        self.models = {n["unique_id"]: n for n in nodes if n["resource_type"] == "model"}
        self.depth = cache(self._depth)
        self.way = cache(self._way)

    def name(self, key: str) -> str:
        return str(self.models[key]["name"]) if key in self.models else key.split(".")[-1]

    def layer(self, key: str) -> str:
        """A model's layer by its folder; else what it is: source, seed."""
        return str(self.models[key]["fqn"][1]) if key in self.models else key.split(".")[0]

    def folder(self, key: str) -> str:
        """A model's folder within its layer: the domain."""
        return str(self.models[key]["fqn"][2])

    def behind(self, name: str) -> set[str]:
        """All models that a model comes from, itself included."""
        found = set[str]()
        left = [key for key in self.models if self.name(key) == name]
        while left:
            key = left.pop()
            if key in self.models and key not in found:
                found.add(key)
                left += self.parents(key)
        return found

    def parents(self, key: str) -> list[str]:
        return [str(parent) for parent in self.models[key]["depends_on"]["nodes"]]

    def _depth(self, key: str) -> int:
        return 1 + max((self.depth(p) for p in self.parents(key) if p in self.models), default=0)

    def _way(self, key: str) -> tuple[str, ...]:
        """The models of the longest way from a usage record to this model; none: no such way."""
        if key == USAGE:
            return ("",)
        if key not in self.models:
            return ()
        longest: tuple[str, ...] = max(map(self.way, self.parents(key)), key=len, default=())
        return (*longest, key) if longest else ()

    def from_usage_to_publishing(self) -> list[str]:
        """The models on the longest way from a usage record to the publish list."""
        published = next(key for key, model in self.models.items() if model["name"] == PUBLISHED)
        return [self.name(key) for key in self.way(published)[1:]]

    def read_once(self) -> list[str]:
        """Intermediate models that one model reads: each needs a reason."""
        readers = dict.fromkeys(self.models, 0)
        for key in self.models:
            for parent in self.parents(key):
                readers[parent] = readers.get(parent, 0) + 1
        return sorted(
            self.name(key)
            for key in self.models
            if self.layer(key) == "intermediate" and readers[key] == 1
        )

    def arrows_back(self) -> list[str]:
        """What reads a layer that it may not read."""
        return sorted(
            f"{self.name(key)} reads {self.name(parent)}"
            for key in self.models
            for parent in self.parents(key)
            if not _may_read(self.layer(key), self.layer(parent), self.name(parent))
        )


def _may_read(layer: str, parent: str, name: str) -> bool:
    if parent == "seed" or parent in READS[layer]:
        return True
    return layer == "serving" and name.startswith("stg_ops__")


def lines_of(paths: Iterable[Path]) -> int:
    return sum(len(path.read_text().splitlines()) for path in paths)


def _python() -> Iterator[tuple[str, int]]:
    for room in (*ROOMS, "tests", "benchmarks"):
        yield f"lines of Python: {room}", lines_of((ROOT / room).rglob("*.py"))


def figures(manifest: Mapping[str, Any]) -> dict[str, int]:
    """Every figure by its name."""
    graph = Graph(manifest)
    count = dict.fromkeys(LAYERS, 0)
    for key in graph.models:
        count[graph.layer(key)] = count.get(graph.layer(key), 0) + 1
    sql = ROOT / "dbt_project"
    return {
        "models": len(graph.models),
        **{f"models: {layer}": number for layer, number in count.items()},
        "depth": max(map(graph.depth, graph.models)),
        "models from a usage record to the publish list": len(graph.from_usage_to_publishing()),
        "intermediate models with one reader": len(graph.read_once()),
        "arrows back": len(graph.arrows_back()),
        "lines of SQL: models": lines_of((sql / "models").rglob("*.sql")),
        "lines of SQL: macros": lines_of((sql / "macros").rglob("*.sql")),
        "lines of SQL: laws": lines_of((sql / "tests").rglob("*.sql")),
        **files_touched(),
        **dict(_python()),
    }


def parsed() -> dict[str, Any]:
    """The project's manifest as it is now; needs no database."""
    sys.path.insert(0, str(ROOT / "tests" / "rating" / "support"))
    from dbt_runs import Dbt

    dbt = Dbt("postgresql://nobody@127.0.0.1:1/none", ROOT / "target" / "tests" / "house")
    dbt.parse()
    nodes = dbt.manifest.nodes.values()
    return {
        "nodes": {
            node.unique_id: {
                **{name: getattr(node, name) for name in ("unique_id", "name", "fqn")},
                "resource_type": str(node.resource_type),
                "depends_on": {"nodes": list(node.depends_on.nodes)},
            }
            for node in nodes
            if node.resource_type == "model"
        }
    }


def main(arguments: list[str]) -> None:
    """Print the table, and with -v the names behind it."""
    given = [name for name in arguments if not name.startswith("-")]
    manifest = json.loads(Path(given[0]).read_text()) if given else parsed()
    for name, number in figures(manifest).items():
        print(f"{number:>7,}  {name}")
    if "-v" in arguments:
        graph = Graph(manifest)
        for title, names in (
            ("The longest way from a usage record", graph.from_usage_to_publishing()),
            ("Intermediate models with one reader", graph.read_once()),
            ("Arrows back", graph.arrows_back()),
        ):
            print("\n".join(["", f"{title}:", *names]))


if __name__ == "__main__":
    main(sys.argv[1:])
