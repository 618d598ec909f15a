"""docs/glossary.md names places that exist, each word once, each in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from recipes import ROOT

from loaders.relations import HISTORY_SCHEMA
from loaders.tables import ALL

GLOSSARY = ROOT / "docs" / "glossary.md"
MODELS = ROOT / "dbt_project" / "models"
MIGRATIONS = ROOT / "publishers" / "migrations" / "versions"


def entries() -> list[list[str]]:
    """Word, meaning and place of each row of the tables."""
    rows = [line.strip("|").split("|") for line in GLOSSARY.read_text().splitlines()]
    cells = [[cell.strip() for cell in row] for row in rows if len(row) == 3]
    return [row for row in cells if row[0] != "word" and set(row[0]) != {"-"}]


def relations() -> Iterator[str]:
    """Every relation that files say there is: models, raw tables, histories, schema ops."""
    for path in MODELS.rglob("*.sql"):
        yield f"{path.relative_to(MODELS).parts[0]}.{path.stem}"
    for table in ALL:
        yield f"{table.schema}.{table.name}"
        if table.has_history:
            yield f"{HISTORY_SCHEMA}.{table.history_name}"
    for path in MIGRATIONS.glob("v*.py"):
        yield from re.findall(r"create table (?:if not exists )?(ops\.\w+)", path.read_text())


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry[0])
def test_a_word_lives_where_the_glossary_says(entry: list[str]) -> None:
    places = re.findall(r"`([^`]+)`", entry[2])
    assert places
    known = set(relations())
    assert [place for place in places if place not in known and not (ROOT / place).is_file()] == []


def test_a_word_is_explained_once_and_in_one_sentence() -> None:
    words = [word for row in entries() for word in row[0].split(", ")]
    assert len(words) == len(set(words)) >= 30
    assert [row[0] for row in entries() if not row[1].endswith(".") or ". " in row[1]] == []
