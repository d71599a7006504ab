"""0002: a submission may lie in several cases, one a patient; a case may be merged into another; two look-ups indexed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "filings",
        sa.Column("submission", sa.String(length=32), nullable=False),
        sa.Column("case_ref", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["submission"], ["submissions.id"]),
        sa.ForeignKeyConstraint(["case_ref"], ["cases.ref"]),
        sa.PrimaryKeyConstraint("submission", "case_ref"),
    )
    op.create_index("filings_case", "filings", ["case_ref"], unique=False)
    op.execute("INSERT INTO filings SELECT s.id, c.ref FROM submissions s JOIN cases c ON c.ref = s.case_ref")
    op.drop_index("submissions_case", "submissions")
    op.drop_column("submissions", "case_ref")
    op.add_column("cases", sa.Column("merged_into", sa.String(length=32), nullable=True))
    merged = sa.text("merged_into IS NOT NULL")
    op.create_index("cases_merged", "cases", ["merged_into"], unique=False, sqlite_where=merged, postgresql_where=merged)
    op.create_index("case_keys_case", "case_keys", ["case_ref"], unique=False)
    op.create_index("updates_sent", "updates", ["status", "sent_at"], unique=False)
