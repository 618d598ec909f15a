"""One index less on the lines of the ledger, and room on its pages for the ids that come later.

Revision: 0006, after 0005.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FEWER = """
alter table ops.publication_lines
    drop constraint publication_lines_document_key_line_number_key;
alter table ops.publication_lines set (fillfactor = 80);
"""


def upgrade() -> None:
    """Line numbers are unique by construction; nothing looks a line up by its number."""
    op.execute(FEWER)


def downgrade() -> None:
    """Decisions and the ledger are kept: there is no way down."""
    raise NotImplementedError("ops is never narrowed: restore a backup instead")
