"""A row for each build of the warehouse: nothing is published from one that did not pass its tests.

Revision: 0011, after 0010.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BUILDS = """
create table ops.builds (
    build_id bigint generated always as identity primary key,
    as_of timestamptz not null,
    is_whole boolean not null,
    status text not null default 'running' check (status in ('running', 'passed', 'failed')),
    started_at timestamptz not null default clock_timestamp(), finished_at timestamptz,
    tests_passed int, tests_failed int, error text
);
"""


def upgrade() -> None:
    """Builds before this one are unknown: the next `billing run` writes the first row."""
    op.execute(BUILDS)


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
