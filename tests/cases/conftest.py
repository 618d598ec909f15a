"""Cases: truth about billing, fed through the real dbt models.

    pytest tests/cases --cases DIR

reads every *.json of DIR (lists of cases, of the form that docs/rating.md tells) instead of data/.
All cases of one billing policy are rated by one build; cases in phases take a build a phase.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "rating" / "support"))
from case_worlds import Outcome, run_cases
from rating_world import template_of

if TYPE_CHECKING:
    from sandbox.postgres import Cluster

HERE = Path(__file__).parent
Case = dict[str, Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cases",
        type=Path,
        default=HERE / "data",
        help="folder of *.json with rating cases (default: those of the project)",
    )


def read_cases(folder: Path) -> list[Case]:
    """All cases of a folder; ids that repeat across files get the file's name before them."""
    found: list[Case] = []
    for file in sorted(folder.glob("*.json")):
        for number, case in enumerate(json.loads(file.read_text()), start=1):
            found.append({"id": f"{file.stem}-{number}", **case})
    if not found:
        raise pytest.UsageError(f"{folder} holds no cases: expected *.json, each a list of cases")
    seen: set[str] = set()
    for number, case in enumerate(found):
        if case["id"] in seen:
            case["id"] = f"{case['id']}#{number}"
        seen.add(case["id"])
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        folder = metafunc.config.getoption("--cases", default=HERE / "data")
        cases = read_cases(Path(folder))
        metafunc.parametrize("case", cases, ids=[case["id"] for case in cases])


@pytest.fixture(scope="session")
def outcomes(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[str, Outcome]:
    """What the models made of every case that was asked for, by case id."""
    cases = [
        item.callspec.params["case"]
        for item in request.session.items
        if "case" in getattr(getattr(item, "callspec", None), "params", {})
    ]
    dbt = template_of(cluster, tmp_path_factory.mktemp("cases"))
    return run_cases(cluster, dbt, cases)
