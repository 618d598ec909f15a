"""Which tests stay together where several processes share a run, which begin, which are quick.

In: the ids of tests. Out: groups, each for one process at a time. A file is a group, since its
tests share worlds; the rooms named here share one for all their files.
"""

from __future__ import annotations

from typing import Any

# What shares a world: the stand-in that the contract is told to.
ROOMS = ("tests/standin/",)
# What works on the sample, loaded and built: one process makes it, for all of them.
ON_THE_SAMPLE = (
    "tests/publishers/machine/",
    "tests/dashboards/",
    "tests/orchestration/test_browser.py",
    "tests/reconciliation/",
    "tests/importer/",
)
WITHOUT_IT = ("tests/importer/test_import_faults.py", "tests/dashboards/test_month_end.py")
# What takes minutes begins, the longest first, so that nobody waits for it at the end.
LONGEST = (
    "tests/publishers/machine/",
    "tests/orchestration/test_demo.py",
    "tests/orchestration/test_swap.py",
    "tests/orchestration/test_demo_odoo.py",
    "tests/dashboards/test_month_end.py",
    "tests/dashboards/",
    "tests/orchestration/test_browser.py",
    "tests/reconciliation/",
    "tests/importer/test_import_faults.py",
    "tests/importer/",
    "tests/rating/machine/",
    "tests/rating/test_adjustments.py",
    "tests/rating/test_incremental.py",
    "tests/rating/",
    "tests/house/test_recipes.py",
    "tests/cases/",
    "tests/webhooks/",
    "tests/publishers/test_faults.py",
    "tests/loaders/test_interleavings.py",
    "tests/orchestration/",
)


# What a test asks for that takes its time to start: a database, a program, a parsed project.
# `target` and `shared_odoo` ask for a cluster only when they run.
STARTS = {"cluster", "target", "shared_odoo", "billing", "billing_at", "parsed_home", "browser"}
STARTS_BY_ITSELF = (
    "tests/sandbox/test_cluster.py",
    "tests/sandbox/test_world.py",
    "tests/orchestration/test_definitions.py::test_dagster_validates",
    "tests/orchestration/test_run_log.py",
)
UNIT_TESTS = "tests/rating/test_unit_tests.py"


def is_quick(item: Any, models: str | None) -> bool:
    """Whether `make quick` runs a test: it starts no world, or judges the models that changed."""
    if item.nodeid.startswith(UNIT_TESTS):
        return bool(models)
    return STARTS.isdisjoint(item.fixturenames) and not item.nodeid.startswith(STARTS_BY_ITSELF)


def group_of(nodeid: str) -> str:
    """The group of a test: all on the sample, its room where that shares a world, else its file."""
    if nodeid.startswith(ON_THE_SAMPLE) and not nodeid.startswith(WITHOUT_IT):
        return "the sample"
    return next((room for room in ROOMS if nodeid.startswith(room)), nodeid.split("::")[0])


def rank_of(nodeid: str) -> int:
    """Where a test stands in the order of groups."""
    ranks = (n for n, prefix in enumerate(LONGEST) if nodeid.startswith(prefix))
    return next(ranks, len(LONGEST))


def scheduler(config: Any, log: Any) -> Any:
    """Hand out whole groups, in the order in which they were collected."""
    from xdist.scheduler.loadscope import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    config.option.loadscopereorder = False
    return ByGroup(config, log)
