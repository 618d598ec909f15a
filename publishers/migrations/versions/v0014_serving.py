"""The views that join live decisions stand in a schema of their own.

Revision: 0014, after 0013. An acknowledgement is compared with what the build found, and the first
swap over what was built in place takes the views of schema `serving` along.
"""

from alembic import op

from publishers.migrations.versions.v0012_swap import REPLACE

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

VERIFY = """
create or replace function ops.verify_exception() returns trigger language plpgsql
set search_path = pg_catalog, pg_temp as $$
declare
    is_true boolean;
begin
    execute format('select exists (select from %I.fct_exceptions where exception_key = $1'
        ' and facts_hash = $2)', ops.marts_schema())
        into is_true using new.exception_key, new.facts_hash;
    if not is_true then
        raise exception 'no exception % has these facts now: look again', new.exception_key
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
"""

LAYERS = "prefix || 'staging', prefix || 'intermediate', prefix || 'marts'"


def upgrade() -> None:
    """Both functions are replaced where they are; nothing stored changes."""
    op.execute(VERIFY)
    op.execute(
        REPLACE.replace("create function", "create or replace function").replace(
            f"nspname in ({LAYERS})", f"nspname in ({LAYERS}, prefix || 'serving')"
        )
    )


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
