"""Ingest and analysis: records of sources, the ledger of runs, contents of snapshots, computed results."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what the ingest keeps; facts and notes stay as they are."""
    op.add_column("citation", sa.Column("contexts", sa.JSON()))
    op.add_column("citation", sa.Column("intents", sa.JSON()))
    op.add_column("citation", sa.Column("is_influential", sa.Boolean()))
    op.add_column(
        "identifier", sa.Column("position", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.add_column("version", sa.Column("identifier", sa.String()))
    op.add_column("snapshot", sa.Column("content", sa.LargeBinary()))
    _records()
    _hub_mentions()
    _ledger()
    _computed()
    _reference_lists()


def _records() -> None:
    """What sources said, now and before."""
    op.create_table(
        "source_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("paper_id", sa.Integer()),
        sa.Column("matched_by", sa.String()),
        sa.Column("separate_group", sa.String()),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["paper.id"], name="fk_source_record_paper_id"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_source_record_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_source_record"),
        sa.UniqueConstraint("source_id", "external_id", name="uq_source_record_source_id_external_id"),
    )
    op.create_index("ix_source_record_paper_id", "source_record", ["paper_id"])
    op.create_index("ix_source_record_source_id", "source_record", ["source_id"])
    op.create_table(
        "former_record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"], ["source_record.id"], name="fk_former_record_record_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_former_record"),
    )
    op.create_index("ix_former_record_record_id", "former_record", ["record_id"])


def _hub_mentions() -> None:
    """Candidates for checkpoint links."""
    op.create_table(
        "hub_mention",
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("library", sa.String()),
        sa.Column("task", sa.String()),
        sa.Column("licence", sa.String()),
        sa.Column("gated", sa.Boolean()),
        sa.Column("downloads", sa.Integer()),
        sa.Column("likes", sa.Integer()),
        sa.Column("revision", sa.String()),
        sa.Column("base_models", sa.JSON(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name="fk_hub_mention_paper_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_hub_mention_source_id"),
        sa.PrimaryKeyConstraint("paper_id", "hub_id", name="pk_hub_mention"),
    )
    op.create_index("ix_hub_mention_hub_id", "hub_mention", ["hub_id"])
    op.create_index("ix_hub_mention_source_id", "hub_mention", ["source_id"])


def _ledger() -> None:
    """Runs and their finished stages."""
    op.create_table(
        "ingest_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("inputs_sha256", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime()),
        sa.Column("snapshot_id", sa.String()),
        sa.Column("unanswered", sa.JSON(), nullable=False),
        sa.CheckConstraint("state IN ('running', 'done')", name=op.f("ck_ingest_run_state")),
        sa.PrimaryKeyConstraint("id", name="pk_ingest_run"),
    )
    op.create_table(
        "ingest_stage",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["ingest_run.id"], name="fk_ingest_stage_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "name", name="pk_ingest_stage"),
    )


def _computed() -> None:
    """Results of analyses, and the map."""
    op.create_table(
        "map_position",
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name="fk_map_position_paper_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("paper_id", name="pk_map_position"),
    )
    op.create_table(
        "analysis",
        sa.Column("snapshot_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["snapshot_id"], ["snapshot.id"], name="fk_analysis_snapshot_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("snapshot_id", "name", name="pk_analysis"),
    )


def _reference_lists() -> None:
    """What was known of reference lists becomes a fact with a source, as everything that columns show.

    The first release kept no source of it: the list's citations name it, else the source of the title does.
    """
    op.execute(
        "INSERT INTO field_value (paper_id, field, source_id, value, retrieved_at) "
        "SELECT p.id, f.column1, "
        "coalesce((SELECT min(c.source_id) FROM citation c WHERE c.citing_id = p.id), min(v.source_id)), "
        "CASE f.column1 WHEN 'reference_list' THEN p.reference_list "
        "ELSE CAST(p.reference_entries AS TEXT) END, min(v.retrieved_at) "
        "FROM paper p JOIN field_value v ON v.paper_id = p.id AND v.field = 'title' "
        "CROSS JOIN (VALUES ('reference_list'), ('reference_entries')) f "
        "WHERE p.reference_list <> 'unread' "
        "AND (f.column1 = 'reference_list' OR p.reference_entries IS NOT NULL) GROUP BY p.id, f.column1"
    )
