"""Packs what is no Python into the package: the dbt project and what `billing init` lays out."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
PACKED = ("dbt_project.yml", "dbt_project", "deploy", ".env.example", ".streamlit")


class BuildWithProject(build_py):
    """As usual, and the project beside `orchestration`; a checkout (`-e`) has it already."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "orchestration" / "project"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in PACKED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(
                    source,
                    target / name,
                    ignore=shutil.ignore_patterns("secrets.toml", "__pycache__"),
                )
            else:
                shutil.copy2(source, target / name)


setup(cmdclass={"build_py": BuildWithProject})
