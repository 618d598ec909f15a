"""The charge models, and the columns of the price book that each reads.

Flows in: the seed charge_models.csv, which dbt reads too. Flows out: columns by model.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from orchestration.dbt import PROJECT_FOLDER

SEED = PROJECT_FOLDER / "seeds" / "charge_models.csv"
TIERS = "tiers"
_READS = "reads_"


def _read(path: Path) -> dict[str, frozenset[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["charge_model"]: _columns(row) for row in csv.DictReader(file)}


def _columns(row: Mapping[str, str]) -> frozenset[str]:
    named = {name.removeprefix(_READS) for name in row if name.startswith(_READS)}
    return frozenset(name for name in named if row[_READS + name] == "true")


CHARGE_MODELS = _read(SEED)
