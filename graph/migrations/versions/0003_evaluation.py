"""Checkpoints at work: their files, their origin and what the hub says of them, and runs of evaluations."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what links, gate and results keep; facts and notes stay as they are."""
    op.add_column(
        "checkpoint", sa.Column("origin", sa.String(), nullable=False, server_default=sa.text("'hub'"))
    )
    op.add_column("checkpoint", sa.Column("head_revision", sa.String()))
    op.add_column("checkpoint", sa.Column("weight_bytes", sa.BigInteger()))
    op.add_column("checkpoint", sa.Column("remote_code", sa.Boolean()))
    op.add_column("checkpoint", sa.Column("base_models", sa.JSON()))
    op.add_column("checkpoint", sa.Column("moved_to", sa.String()))
    op.add_column("checkpoint", sa.Column("mirrors", sa.JSON()))
    op.create_table(
        "checkpoint_file",
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger()),
        sa.Column("sha256", sa.String()),
        sa.Column("git_sha1", sa.String()),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name="fk_checkpoint_file_checkpoint_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("checkpoint_id", "path", name="pk_checkpoint_file"),
    )
    _runs()
    _first_measurements()


def _runs() -> None:
    """Every attempt to measure something."""
    op.create_table(
        "evaluation_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("spec_hash", sa.String(), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("library", sa.String(), nullable=False),
        sa.Column("loader_class", sa.String(), nullable=False),
        sa.Column("revision", sa.String()),
        sa.Column("weights_sha256", sa.String()),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("task_version", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("dataset_fingerprint", sa.String()),
        sa.Column("n", sa.Integer()),
        sa.Column("seed", sa.Integer()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("metric", sa.String()),
        sa.Column("value", sa.Double()),
        sa.Column("low", sa.Double()),
        sa.Column("high", sa.Double()),
        sa.Column("chance", sa.Double()),
        sa.Column("baseline", sa.Double()),
        sa.Column("metrics", sa.JSON()),
        sa.Column("published", sa.JSON()),
        sa.Column("environment", sa.JSON(), nullable=False),
        sa.Column("seconds", sa.Double()),
        sa.Column("peak_bytes", sa.BigInteger()),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime()),
        sa.Column("outputs", sa.LargeBinary()),
        sa.CheckConstraint(
            "state IN ('done', 'failed', 'cancelled', 'refused')", name=op.f("ck_evaluation_run_state")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_evaluation_run"),
    )
    op.create_index("ix_evaluation_run_hub_id", "evaluation_run", ["hub_id"])
    op.create_index("ix_evaluation_run_spec_hash", "evaluation_run", ["spec_hash"])


def _first_measurements() -> None:
    """Move what the first release's table of measurements holds; no command of it ever wrote there."""
    op.execute(
        "INSERT INTO evaluation_run (spec_hash, hub_id, library, loader_class, revision, task, task_version, "
        "dataset, dataset_fingerprint, n, state, metric, value, environment, started_at, finished_at) "
        "SELECT 'first release ' || e.id, c.hub_id, c.library, c.loader_class, e.revision, e.task, '0', "
        "e.dataset, e.dataset_fingerprint, e.sample_size, 'done', e.metric, e.value, e.environment, "
        "e.measured_at, e.measured_at FROM evaluation e JOIN checkpoint c ON c.id = e.checkpoint_id "
        "ORDER BY e.id"
    )
    op.drop_table("evaluation")
