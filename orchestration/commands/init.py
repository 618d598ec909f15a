"""init: a project of the user's own, where the program is installed as a package."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from connections.places import FOLDER, IS_CHECKOUT, PACKED
from orchestration import render
from orchestration.command_error import CommandError

# Where it lies in the package, and in the user's folder.
LAID_OUT = {
    "dbt_project.yml": "dbt_project.yml",
    "dbt_project": "dbt_project",
    "deploy": "deploy",
    ".env.example": ".env",
}
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="A folder of your own; what is there stays.")
]
Upgrade = Annotated[
    bool, typer.Option("--upgrade", help="Replace what differs, but .env and the seeds' CSV files.")
]


def init(folder: Folder, upgrade: Upgrade = False) -> None:
    """Lay out a project: .env, the dbt project with an example price book, deploy files.

    Verbs take the project of the current folder, or of BILLING_PROJECT. After an upgrade of the
    package call it with --upgrade; without, it names what differs and replaces nothing.

    Example: [bold]billing init ~/billing && cd ~/billing && billing up[/]
    """
    if IS_CHECKOUT and folder.resolve() == FOLDER:
        raise CommandError(f"{folder} is the checkout itself: it has its seeds and settings")
    for source, target in _files(folder):
        is_there = target.exists()
        if is_there and filecmp.cmp(source, target, shallow=False):
            continue
        is_users = target.name == ".env" or target.suffix == ".csv"
        if is_there and (is_users or not upgrade):
            typer.echo(f"differs   {target}")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)
        typer.echo(f"{'replaced' if is_there else 'made'.ljust(8)}  {target}")
    render.stderr.print(
        f"cd {folder}, fill in .env and dbt_project/seeds/charges.csv, then: billing check",
        style="dim",
    )


def _files(folder: Path) -> Iterator[tuple[Path, Path]]:
    for name, place in LAID_OUT.items():
        source = PACKED / name
        if source.is_file():
            yield source, folder / place
        for file in sorted(source.rglob("*")) if source.is_dir() else ():
            if file.is_file() and "__pycache__" not in file.parts:
                yield file, folder / place / file.relative_to(source)
