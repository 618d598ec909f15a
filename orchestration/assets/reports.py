"""The month-end sheet that leaves: XLSX and PDF, to a folder or by mail.

Flows in: the marts in use and decisions. Flows out: files where REPORT_FOLDER and REPORT_TO say;
a run fails where neither does, and a schedule asks for one only when the environment names it.
"""

from pathlib import Path

import dagster as dg

from connections.months import first_day
from orchestration.assets.months import MEANING, MONTHS
from orchestration.domains import docs_metadata
from orchestration.failures import RETRY, as_failures
from orchestration.names import SHEET_OP
from orchestration.resources import Warehouse

SHEET = dg.AssetKey(["months", "sheet"])
SOURCES = ("rpt_reconciliation_by_month", "rpt_money_at_stake", "rpt_tax_by_province")


@dg.multi_asset(
    name=SHEET_OP,
    specs=[
        dg.AssetSpec(
            SHEET,
            deps=[dg.AssetKey(["marts", name]) for name in SOURCES],
            description="The month-end sheet as XLSX and PDF, to the cent that of the page, where"
            f" REPORT_FOLDER and REPORT_TO say. {MEANING}",
            group_name="reconciliation",
            kinds={"excel", "report"},
            owners=["team:finance"],
            metadata=docs_metadata("reconciliation", Path(__file__)),
        )
    ],
    partitions_def=MONTHS,
    retry_policy=RETRY,
)
def month_end_sheet(
    context: dg.AssetExecutionContext, billing_warehouse: Warehouse
) -> dg.MaterializeResult[object]:
    """Make the files from the build in use and let them leave."""
    from orchestration import reports  # openpyxl is slow to import

    settings = billing_warehouse.settings()
    first = first_day(context.partition_key)
    assert first is not None
    with as_failures("month-end sheet"):
        files = reports.made(settings, first)
        went = reports.deliver(settings, files)
    sizes = {name: len(content) for name, content in files.by_name.items()}
    return dg.MaterializeResult(
        asset_key=SHEET, metadata={**files.facts, "bytes": sizes, "went": went}
    )
