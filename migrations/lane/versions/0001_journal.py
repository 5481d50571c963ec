"""Journal, passages, decisions and their checks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables; triggers keep the journal append-only against slips of our own."""
    op.create_table(
        "journal",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("prev_hash", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("wall", sa.Text, nullable=False),
        sa.Column("monotonic", sa.Float, nullable=False),
        sa.Column("boot_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
    )
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER journal_refuses_{verb.lower()} BEFORE {verb} ON journal "
            "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
        )
    op.create_table(
        "passages",
        sa.Column("passage_id", sa.Text, primary_key=True),
        sa.Column("started", sa.Text, nullable=False),
        sa.Column("ended", sa.Text),
        sa.Column("outcome", sa.Text),
        sa.Column("topology", sa.Text, nullable=False),
        sa.Column("pack_id", sa.Text, nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.CheckConstraint("(ended IS NULL) = (outcome IS NULL)", name="ended_with_outcome"),
    )
    op.create_index("passages_unfinished", "passages", ["ended"])
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.Integer, sa.ForeignKey("journal.seq"), primary_key=True),
        sa.Column("passage_id", sa.Text, sa.ForeignKey("passages.passage_id"), nullable=False, index=True),
        sa.Column("decided", sa.Text, nullable=False),
        sa.Column("admit", sa.Boolean, nullable=False),
        sa.Column("officer", sa.Text),
        sa.Column("action", sa.Text),
        sa.Column("reason", sa.Text),
        sa.CheckConstraint(
            "(officer IS NULL) = (action IS NULL) AND (officer IS NULL) = (reason IS NULL)", name="officer_gives_reason"
        ),
    )
    op.create_table(
        "checks",
        sa.Column("decision_id", sa.Integer, sa.ForeignKey("decisions.decision_id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
