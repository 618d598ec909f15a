"""The worked patches of docs/recipes: what each touches, and a copy of the project to try it on.

In: the patches. Out: their files, and a tree that they are applied to and reverted from.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "recipes"
MOST_FILES = 4
UNIT_TEST = re.compile(r"^\+  - name: (\w+)\n(?:\+    description:.*\n)?\+    model:", re.MULTILINE)
# What no recipe touches, and what a copy makes by itself.
_LEFT_OUT = (".*", "__pycache__", "*.egg-info", "benchmarks", "logs", "screenshots", "target")


@dataclass(frozen=True)
class Recipe:
    """A worked change, as a patch of this tree."""

    patch: Path

    @property
    def name(self) -> str:
        return self.patch.stem

    @property
    def files(self) -> list[str]:
        """Every file that the patch changes or brings, its tests among them."""
        return list(self._parts)

    @property
    def test_files(self) -> list[str]:
        """Those of them that bring its unit tests."""
        return [file for file, part in self._parts.items() if UNIT_TEST.search(part)]

    @property
    def python_tests(self) -> list[str]:
        """The files of tests that it brings."""
        return [file for file in self.files if Path(file).name.startswith("test_")]

    @property
    def unit_tests(self) -> set[str]:
        return {name for part in self._parts.values() for name in UNIT_TEST.findall(part)}

    @property
    def _parts(self) -> dict[str, str]:
        """What the patch says of each file."""
        parts = re.split(r"^diff --git a/\S+ b/", self.patch.read_text(), flags=re.MULTILINE)
        return {part.split()[0]: part for part in parts[1:]}


def recipes() -> list[Recipe]:
    return [Recipe(patch) for patch in sorted(FOLDER.glob("*.patch"))]


def files_touched() -> dict[str, int]:
    return {f"files touched by a recipe: {each.name}": len(each.files) for each in recipes()}


class Tree:
    """A copy of the project's files; no repository."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*_LEFT_OUT))

    def apply(self, recipe: Recipe, *options: str) -> None:
        """Raises CalledProcessError where the patch does not fit the project as it is."""
        command = ["git", "apply", "--whitespace=nowarn", *options, str(recipe.patch)]
        # A parent folder that is a repository would be meant.
        only_here = {"GIT_CEILING_DIRECTORIES": str(self.root.parent), "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(command, cwd=self.root, env=only_here, check=True, capture_output=True)

    def revert(self, recipe: Recipe, *options: str) -> None:
        self.apply(recipe, "--reverse", *options)

    def contents(self) -> dict[str, str]:
        """A hash of every file, by its path."""
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and not {"target", "__pycache__"} & set(path.parts)
        }
