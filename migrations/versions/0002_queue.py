"""The queue library's own tables and functions, as its installed release defines them.

The release is noted on the table, because a later release of the library comes with changes of its own: the migration
that raises its version applies those to databases that still carry the older note, and skips the others.
"""

from __future__ import annotations

from alembic import op
from procrastinate import __version__ as release
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Many statements in one text with percent signs in it: only the driver itself, without parameters, takes that.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101
    driver.execute(SchemaManager.get_schema())
    op.execute(f"comment on table procrastinate_jobs is 'procrastinate {release}'")
