"""Staging, intermediate, marts, serving: an arrow never goes back."""

from __future__ import annotations

from figures import LAYERS, PUBLISHED, Graph


def test_no_arrow_goes_back(graph: Graph) -> None:
    """A mart may read staging: a model between that only hands it on would have one reader."""
    assert graph.arrows_back() == []


def test_every_model_is_of_a_layer(graph: Graph) -> None:
    assert {graph.layer(key) for key in graph.models} <= set(LAYERS)


def test_what_is_published_comes_from_usage(graph: Graph) -> None:
    way = graph.from_usage_to_publishing()
    assert way[0] == "stg_nexacloud__usage_records"
    assert way[-1] == PUBLISHED


def test_a_law_that_is_broken_is_told() -> None:
    """The graph of three models in which each breaks its layer's law."""
    reads = {
        "staging.a": ["model.p.b"],
        "intermediate.b": ["model.p.c", "source.p.raw.t"],
        "marts.c": ["model.p.a", "seed.p.s"],
    }
    nodes = [
        {
            "unique_id": f"model.p.{name}",
            "name": name,
            "resource_type": "model",
            "fqn": ["p", layer, name],
            "depends_on": {"nodes": parents},
        }
        for place, parents in reads.items()
        for layer, name in [place.split(".")]
    ]
    broken = Graph({"nodes": {node["unique_id"]: node for node in nodes}})
    assert broken.arrows_back() == ["a reads b", "b reads c", "b reads t"]


def test_nothing_that_is_billed_waits_for_an_explanation(graph: Graph) -> None:
    """No model on the way to the publish list reads what explains the app's invoices."""
    explaining = {"reconciliation", "integrity", "money"}
    assert [
        graph.name(key) for key in graph.behind(PUBLISHED) if graph.folder(key) in explaining
    ] == []
