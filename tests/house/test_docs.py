"""What the docs name exists: links, verbs and their options, models, paths."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from orchestration.boundary import _command, verb_name
from orchestration.cli import VERBS as VERBS_BY_PANEL

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "deploy" / "README.md",
    ROOT / "tests" / "README.md",
]
PAGES = [page for page in PAGES if page.exists()]
# What happened is told in the names of its day.
HISTORY = {"decisions.md"}
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
CODE = re.compile(r"`([^`\n]+)`")
# One verb, and what is written behind it up to the next piece of a command line.
COMMAND = re.compile(r"(?<!-u )(?<![/-])\bbilling ([a-z][a-z-]+)((?: +[^\s|;&#`]+)*)")
OPTION = re.compile(r"--[a-z][a-z-]+")
MODEL = re.compile(
    r"(?:(?:marts|serving|intermediate|staging)\.)?((?:fct|dim|rpt|int|stg)_[a-z0-9_]+)"
)
PATCHES = "".join(path.read_text() for path in (ROOT / "docs" / "recipes").glob("*.patch"))
PLACE = re.compile(
    r"(?:connections|loaders|publishers|orchestration|dashboards|sandbox|dbt_project|tests|docs"
    r"|deploy|benchmarks)/[\w./-]+\.\w+"
)


def _ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _options(command: Any) -> set[str]:
    return {option for one in command.params for option in (*one.opts, *one.secondary_opts)}


def _verbs() -> dict[str, set[str]]:
    targets = [target for panel in VERBS_BY_PANEL.values() for target in panel]
    return {verb_name(target): _options(_command(target)) | {"--help"} for target in targets}


VERBS = _verbs()
# dim_build is made by the swap, not by dbt.
MODELS = {path.stem for path in (ROOT / "dbt_project" / "models").rglob("*.sql")} | {"dim_build"}


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link]
    made = {"dbt/index.html"}
    lost = [link for link in links if link not in made and not (page.parent / link).exists()]
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_every_verb_and_option_that_is_written_exists(page: Path) -> None:
    text = page.read_text()
    code = [line for line in text.splitlines() if line.startswith("    ")] + CODE.findall(text)
    wrong = []
    for line in code:
        for verb, rest in COMMAND.findall(line):
            if verb not in VERBS:
                wrong.append(verb)
                continue
            wrong += [f"{verb} {o}" for o in OPTION.findall(rest) if o not in VERBS[verb]]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_every_model_that_is_named_exists(page: Path) -> None:
    if page.name in HISTORY:
        pytest.skip("tells what was")
    named = {
        found[1] for text in CODE.findall(page.read_text()) if (found := MODEL.fullmatch(text))
    }
    assert named - MODELS == set()


@pytest.mark.parametrize("page", PAGES, ids=_ids)
def test_every_path_that_is_named_exists(page: Path) -> None:
    if page.name in HISTORY:
        pytest.skip("tells what was")
    named = {place for text in CODE.findall(page.read_text()) for place in PLACE.findall(text)}
    made = PATCHES if page.parent.name == "recipes" else ""
    lost = {
        place for place in named if not _exists(place) and place not in made and "NAME" not in place
    }
    assert lost == set()


def _exists(place: str) -> bool:
    """From the top, or from tests/, as the tables of tests write it."""
    return any((folder / place).exists() for folder in (ROOT, ROOT / "tests"))
