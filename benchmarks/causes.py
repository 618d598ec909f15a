"""A generated world of billing faults through the real loaders and the real models.

    python -m benchmarks.causes --seed 1 --subscriptions 2000 --months 6

In: sandbox.faults, which knows what is wrong with each invoice. Out: precision and recall of each
cause, to the cent, printed as a table and kept in benchmarks/results/causes.md. Ends with 1 where a
single cause was not found, or less than 95 % of the pairs.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extras import RealDictCursor

from benchmarks.cause_scores import Scores, score
from connections.settings import Settings, load_settings
from loaders import load
from loaders.schema import ensure_raw_tables
from publishers.migrate import upgrade
from sandbox import nexacloud
from sandbox.fault_world.build import World, build_world
from sandbox.odoo_standin.seed import prepare
from sandbox.postgres import Cluster
from sandbox.rows import AS_OF, Sample
from sandbox.standin import start_standin

ROOT = Path(__file__).resolve().parent.parent
RESULT = Path(__file__).parent / "results" / "causes.md"
LEAST_PAIRS_PERCENT = Decimal(95)
OWNER = "fusion_billing"
# All that the causes need; the rest of the marts has nothing to say about them.
MODELS = ("+fct_reconciliation_causes", "+fct_reconciliation")


@dataclass(frozen=True)
class Measured:
    """What came out, and how long the build took, in seconds."""

    scores: Scores
    build_seconds: float


def measure(cluster: Cluster, folder: Path, world: World, name: str = "faults") -> Measured:
    """Load both phases of a world, build, and compare with its truth."""
    with _sources(cluster, folder, world, name) as settings:
        _write(world.before, cluster, name)
        load(settings, only="nexacloud")
        run_dbt(settings, folder, "build", "--select", "resource_type:seed")
        _write(world.after, cluster, name)
        load(settings)
        started = time.monotonic()
        run_dbt(settings, folder, "build", "--select", *MODELS)
        return Measured(
            score(world.truth, *_results(settings.dsn("warehouse"))), time.monotonic() - started
        )


@contextmanager
def _sources(cluster: Cluster, folder: Path, world: World, name: str) -> Iterator[Settings]:
    for role in (OWNER, "odoo", nexacloud.OWNER, nexacloud.READER):
        cluster.ensure_role(role)
    cluster.create_database(f"{name}_nexacloud", owner=nexacloud.OWNER)
    cluster.create_database(f"{name}_odoo", owner="odoo")
    cluster.create_database(f"{name}_warehouse", owner=OWNER)
    warehouse = cluster.dsn(f"{name}_warehouse", user=OWNER)
    upgrade(warehouse)
    with closing(psycopg2.connect(warehouse)) as connection, connection:
        ensure_raw_tables(connection)
    # The customers alone: nothing of this world's catalogue is in Odoo.
    customers = Sample(users=world.after.users, has_odoo_catalogue=False)
    prepare(cluster.dsn(f"{name}_odoo", user="odoo"), sample=customers)
    odoo = start_standin(folder / "odoo", cluster.dsn(f"{name}_odoo", user="odoo"))
    try:
        yield load_settings(
            billing_home=folder / "home",
            warehouse_dsn=warehouse,
            nexacloud_dsn=cluster.dsn(f"{name}_nexacloud", user=nexacloud.READER),
            odoo_url=odoo.url,
            odoo_db=odoo.db,
            odoo_user=odoo.user,
            odoo_password=odoo.password,
            billing_as_of=AS_OF,
        )
    finally:
        odoo.stop()


def _write(sample: Sample, cluster: Cluster, name: str) -> None:
    with closing(psycopg2.connect(cluster.dsn(f"{name}_nexacloud"))) as connection, connection:
        nexacloud.ensure_tables(connection)
        nexacloud.merge(connection, sample)


def run_dbt(settings: Settings, folder: Path, *arguments: str) -> None:
    """Run dbt without data tests; raises AssertionError with its output where it fails."""
    command = [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", *arguments]
    command += ["--project-dir", str(ROOT), "--profiles-dir", str(ROOT / "dbt_project")]
    command += ["--target-path", str(folder / "target"), "--log-path", str(folder / "logs")]
    command += ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    command += ["--vars", f'{{"as_of": "{AS_OF.isoformat()}"}}']
    environment = {**os.environ, **settings.dbt_environment(), "BILLING_SCHEMA_SUFFIX": ""}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"dbt {' '.join(arguments)} failed:\n{done.stdout[-6000:]}")


def _results(dsn: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    with closing(psycopg2.connect(dsn)) as connection:
        with connection.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute("select * from marts.fct_reconciliation")
            keys = [dict(row) for row in cursor]
            cursor.execute("select * from marts.fct_reconciliation_causes")
            return keys, [dict(row) for row in cursor]


def main(arguments: list[str] | None = None) -> int:
    """Build a world, measure it, print and keep the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.causes", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--subscriptions", type=int, default=2000)
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--keep", type=Path, help="keep the cluster in this new folder")
    options = parser.parse_args(arguments)
    home = options.keep or Path(tempfile.mkdtemp(prefix="billing-causes-"))
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)
    cluster = Cluster(home, throwaway=True).start()
    try:
        world = build_world(options.seed, options.subscriptions, options.months)
        measured = measure(cluster, home, world)
    finally:
        if not options.keep:
            cluster.stop(immediate=True)
            shutil.rmtree(home, ignore_errors=True)
    return _tell(measured, options)


def _tell(measured: Measured, options: argparse.Namespace) -> int:
    scores = measured.scores
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(scores.keys.items()))
    text = (
        f"Seed {options.seed}: {options.subscriptions} subscriptions over {options.months} months;"
        f" {kinds}. dbt build {measured.build_seconds:.0f} s.\n\n{scores.table()}\n"
    )
    print(text)
    for difference in scores.differences:
        print(difference)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(f"# Causes found in a generated world\n\n{text}")
    singles, pairs = scores.total("single"), scores.total("pair")
    is_whole = min(singles.precision, singles.recall) == 100
    is_enough = min(pairs.precision, pairs.recall) >= LEAST_PAIRS_PERCENT
    return 0 if is_whole and is_enough else 1


if __name__ == "__main__":
    sys.exit(main())
