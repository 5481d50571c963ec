"""The tables of `lane.db`. The journal is the truth; the others are derived from it record by record.

No column holds a traveller's name, document number, image or template, and none may be added.
Changing anything here needs a revision in `migrations/lane`.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

metadata = MetaData()

journal = Table(
    "journal",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("prev_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("wall", Text, nullable=False),
    Column("monotonic", Float, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
)

passages = Table(
    "passages",
    metadata,
    Column("passage_id", Text, primary_key=True),
    Column("started", Text, nullable=False),
    Column("ended", Text),
    Column("outcome", Text),
    Column("topology", Text, nullable=False),
    Column("pack_id", Text, nullable=False),
    Column("simulated", Boolean, nullable=False),
    CheckConstraint("(ended IS NULL) = (outcome IS NULL)", name="ended_with_outcome"),
    Index("passages_unfinished", "ended"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", Integer, ForeignKey("journal.seq"), primary_key=True),
    Column("passage_id", Text, ForeignKey("passages.passage_id"), nullable=False, index=True),
    Column("decided", Text, nullable=False),
    Column("admit", Boolean, nullable=False),
    Column("officer", Text),
    Column("action", Text),
    Column("reason", Text),
    CheckConstraint(
        "(officer IS NULL) = (action IS NULL) AND (officer IS NULL) = (reason IS NULL)", name="officer_gives_reason"
    ),
)

checks = Table(
    "checks",
    metadata,
    Column("decision_id", Integer, ForeignKey("decisions.decision_id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("result", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
)
