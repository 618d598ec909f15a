"""Staging, intermediate, marts, serving: an arrow never goes back."""

from __future__ import annotations

from figures import LAYERS, PUBLISHED, Graph

# What still goes back. Only to be made shorter.
REMAINING = {
    "int_exceptions_drift reads rpt_catalogue_drift",
    "int_exceptions_drift reads rpt_usage_drift",
    "int_exceptions_identity reads dim_customers",
    "int_exceptions_invoices reads fct_one_off_invoices",
    "int_exceptions_invoices reads rpt_invoice_integrity",
    "int_exceptions_reconciliation reads fct_reconciliation",
    "int_exceptions_sources reads fct_usage_exceptions",
    "int_line_exceptions reads fct_invoice_lines",
    "int_line_obstacles reads fct_invoice_lines",
    "int_lines_held_by_exceptions reads fct_billing_exceptions",
    "int_monthly_revenue_parts reads fct_one_off_invoices",
    "int_monthly_revenue_parts reads fct_reconciliation",
    "int_readiness_exceptions reads fct_billing_exceptions",
    "int_readiness_facts reads dim_customers",
    "int_readiness_fresh reads fct_reconciliation_causes",
    "int_readiness_history reads fct_reconciliation_causes",
    "int_readiness_periods reads fct_reconciliation",
    "int_reconciliation_unpublished reads fct_invoice_lines",
    "int_story_lines reads fct_invoice_lines",
}


def test_no_arrow_goes_back(graph: Graph) -> None:
    """Marts may read what people decided, `stg_ops__`, until a serving layer does."""
    back = {arrow for arrow in graph.arrows_back() if " reads stg_ops__" not in arrow}
    assert back - REMAINING == set()


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
    assert broken.arrows_back() == ["a reads b", "b reads c", "b reads t", "c reads a"]
