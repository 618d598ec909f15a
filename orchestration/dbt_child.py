"""dbt as the child of a run: it ends when the run does, however the run ends.

Flows in: dbt's arguments. Flows out: what dbt does. A run that was killed would leave a dbt behind
that goes on building where the next one builds. The version is answered from what is installed:
dbt itself would ask PyPI for newer ones.
"""

from __future__ import annotations

import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """What `billing-dbt` starts; arguments and exit codes are dbt's own."""
    if sys.argv[1:] == ["--version"]:
        from importlib.metadata import version

        print(f"installed: {version('dbt-core')}")  # noqa: T201 (dagster-dbt reads it)
        return
    end_with_the_parent()
    from dbt.cli.main import cli

    cli()


def end_with_the_parent() -> None:
    """Ask the kernel for SIGKILL when the parent ends; only Linux knows such a wish."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
