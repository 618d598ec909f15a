"""Whatever is installed has a licence under which a company may use it as we do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Permissive: what they ask for is kept with the packages themselves.
PERMISSIVE = re.compile(
    r"MIT|BSD|Apache|ISC|0BSD|PSF|Python Software Foundation|Zlib|CC0|CNRI|DFSG|Unlicense"
)
# Used unmodified, by import, and replaceable by whoever installs: what these licences ask of users.
WEAK_COPYLEFT = {
    "odoorpc": "LGPL", "psycopg2-binary": "LGPL", "certifi": "MPL", "hypothesis": "MPL",
    "orjson": "MPL", "pathspec": "MPL", "tqdm": "MPL",
}  # fmt: skip
# A choice of licences, one of which asks for nothing; and what the metadata does not say, but the
# files: MIT, and MIT with axe-core's MPL.
CHOSEN = {"text-unidecode": "Artistic", "pyrage": "", "axe-playwright-python": ""}


def _locked() -> set[str]:
    """Names of all locks, as packaging normalizes them."""
    lines = "\n".join(path.read_text() for path in ROOT.glob("requirements*.lock"))
    return {_plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", lines, re.MULTILINE)}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(found: Distribution) -> str:
    about = found.metadata
    named = [each for each in about.get_all("Classifier") or [] if each.startswith("License ::")]
    said = about.get("License-Expression") or "; ".join(each.split(" :: ")[-1] for each in named)
    return str(said or (about.get("License") or "").split("\n")[0])


def _wrong(licences: Mapping[str, str]) -> dict[str, str]:
    wrong = {}
    for name, licence in licences.items():
        expected = WEAK_COPYLEFT.get(name) or CHOSEN.get(name)
        parts = re.split(r" AND |; ", licence)
        is_permissive = all(PERMISSIVE.search(part) for part in parts) and licence
        if not (is_permissive or (expected is not None and expected in licence) or name in CHOSEN):
            wrong[name] = licence or "says none"
    return wrong


def test_every_package_has_a_licence_that_goes_with_ours() -> None:
    licences = {_plain(found.metadata["Name"]): _licence(found) for found in distributions()}
    locked = licences.keys() & _locked()
    assert len(locked) > 100
    assert _wrong({name: licences[name] for name in locked}) == {}


def test_a_strong_copyleft_or_no_licence_is_named() -> None:
    strange = {"a": "AGPL-3.0", "b": "MIT AND GPL-3.0-only", "c": "", "d": "MIT OR Apache-2.0"}
    assert _wrong(strange) == {"a": "AGPL-3.0", "b": "MIT AND GPL-3.0-only", "c": "says none"}
