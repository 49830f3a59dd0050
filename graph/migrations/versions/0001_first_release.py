"""First release: papers, facts, edges, taxonomy, checkpoints, vectors and the user's own."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create every table and the full-text index."""
    _papers()
    _other_things()
    _paper_facts()
    _more_paper_facts()
    _edges()
    _users_own()
    # Spelled out, not taken from graph.textindex: a migration must not change when the code does.
    op.execute(
        "CREATE VIRTUAL TABLE paper_text "
        "USING fts5(title, names, summary, abstract, authors, tokenize = 'porter unicode61')"
    )


def _papers() -> None:
    """Papers, and where facts about them come from."""
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_source"),
        sa.UniqueConstraint("origin", "name", name="uq_source_origin_name"),
    )
    op.create_table(
        "author",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_author"),
        sa.UniqueConstraint("name", name="uq_author_name"),
    )
    op.create_table(
        "paper",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("short_name", sa.String(), nullable=False),
        sa.Column("summary", sa.Text()),
        sa.Column("abstract", sa.Text()),
        sa.Column("year", sa.Integer()),
        sa.Column("month", sa.Integer()),
        sa.Column("venue", sa.String()),
        sa.Column("code_url", sa.String()),
        sa.Column("is_core", sa.Boolean(), nullable=False),
        sa.Column("after_survey", sa.Boolean(), nullable=False),
        sa.Column("reference_list", sa.String(), nullable=False),
        sa.Column("reference_entries", sa.Integer()),
        sa.CheckConstraint(
            "reference_list IN ('complete', 'partial', 'not_found', 'unread')",
            name=op.f("ck_paper_reference_list"),
        ),
        sa.CheckConstraint("month IS NULL OR month BETWEEN 1 AND 12", name=op.f("ck_paper_month")),
        sa.PrimaryKeyConstraint("id", name="pk_paper"),
        sa.UniqueConstraint("key", name="uq_paper_key"),
    )
    op.create_index("ix_paper_year", "paper", ["year"])
    op.create_table(
        "snapshot",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("facts_date", sa.Date(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_snapshot"),
    )


def _other_things() -> None:
    """What papers are joined to."""
    op.create_table(
        "taxonomy_node",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String()),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("pillar", sa.String()),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["taxonomy_node.id"], name="fk_taxonomy_node_parent_id"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_taxonomy_node_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_taxonomy_node"),
    )
    op.create_index("ix_taxonomy_node_parent_id", "taxonomy_node", ["parent_id"])
    op.create_index("ix_taxonomy_node_source_id", "taxonomy_node", ["source_id"])
    op.create_table(
        "checkpoint",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.Column("library", sa.String(), nullable=False),
        sa.Column("loader_class", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("params_millions", sa.Double()),
        sa.Column("licence", sa.String()),
        sa.Column("gated", sa.Boolean()),
        sa.Column("revision", sa.String()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("checked_at", sa.DateTime()),
        sa.CheckConstraint(
            "state IN ('live', 'moved', 'gated', 'gone', 'unchecked')", name=op.f("ck_checkpoint_state")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_checkpoint"),
        sa.UniqueConstraint(
            "hub_id", "library", "loader_class", name="uq_checkpoint_hub_id_library_loader_class"
        ),
    )
    op.create_table(
        "embedding_model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("weights_sha256", sa.String(), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_embedding_model"),
        sa.UniqueConstraint("name", "weights_sha256", name="uq_embedding_model_name_weights_sha256"),
    )


def _paper_facts() -> None:
    """Facts about one paper."""
    op.create_table(
        "alias",
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["paper.id"], name="fk_alias_paper_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_alias_source_id"),
        sa.PrimaryKeyConstraint("folded", name="pk_alias"),
    )
    op.create_index("ix_alias_paper_id", "alias", ["paper_id"])
    op.create_index("ix_alias_source_id", "alias", ["source_id"])
    op.create_table(
        "authorship",
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["author.id"], name="fk_authorship_author_id"),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name="fk_authorship_paper_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_authorship_source_id"),
        sa.PrimaryKeyConstraint("paper_id", "position", name="pk_authorship"),
    )
    op.create_index("ix_authorship_author_id", "authorship", ["author_id"])
    op.create_index("ix_authorship_source_id", "authorship", ["source_id"])
    op.create_table(
        "field_value",
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name="fk_field_value_paper_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_field_value_source_id"),
        sa.PrimaryKeyConstraint("paper_id", "field", "source_id", name="pk_field_value"),
    )


def _more_paper_facts() -> None:
    """Further facts about one paper."""
    op.create_table(
        "identifier",
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name="fk_identifier_paper_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_identifier_source_id"),
        sa.PrimaryKeyConstraint("scheme", "value", name="pk_identifier"),
    )
    op.create_index("ix_identifier_paper_id", "identifier", ["paper_id"])
    op.create_index("ix_identifier_source_id", "identifier", ["source_id"])
    op.create_table(
        "version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("venue", sa.String()),
        sa.Column("year", sa.Integer()),
        sa.Column("month", sa.Integer()),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('preprint', 'published')", name=op.f("ck_version_kind")),
        sa.ForeignKeyConstraint(["paper_id"], ["paper.id"], name="fk_version_paper_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_version_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_version"),
    )
    op.create_index("ix_version_paper_id", "version", ["paper_id"])
    op.create_index("ix_version_source_id", "version", ["source_id"])
    op.create_table(
        "embedding",
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("text_sha256", sa.String(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["embedding_model.id"], name="fk_embedding_model_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["paper_id"], ["paper.id"], name="fk_embedding_paper_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("paper_id", name="pk_embedding"),
    )
    op.create_index("ix_embedding_model_id", "embedding", ["model_id"])


def _edges() -> None:
    """Facts that join two things."""
    op.create_table(
        "citation",
        sa.Column("citing_id", sa.Integer(), nullable=False),
        sa.Column("cited_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("matched_title", sa.Text()),
        sa.Column("match_kind", sa.String()),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("citing_id <> cited_id", name=op.f("ck_citation_not_self")),
        sa.ForeignKeyConstraint(["cited_id"], ["paper.id"], name="fk_citation_cited_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["citing_id"], ["paper.id"], name="fk_citation_citing_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_citation_source_id"),
        sa.PrimaryKeyConstraint("citing_id", "cited_id", "source_id", name="pk_citation"),
    )
    op.create_index("ix_citation_cited_id", "citation", ["cited_id"])
    op.create_table(
        "relation",
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("paper_id <> target_id", name=op.f("ck_relation_not_self")),
        sa.ForeignKeyConstraint(["paper_id"], ["paper.id"], name="fk_relation_paper_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_relation_source_id"),
        sa.ForeignKeyConstraint(
            ["target_id"], ["paper.id"], name="fk_relation_target_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("paper_id", "kind", "target_id", "source_id", name="pk_relation"),
    )
    op.create_index("ix_relation_target_id", "relation", ["target_id"])
    op.create_table(
        "assignment",
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("node_id", sa.String(), nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Double()),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["taxonomy_node.id"], name="fk_assignment_node_id"),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name="fk_assignment_paper_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_assignment_source_id"),
        sa.PrimaryKeyConstraint("paper_id", "node_id", name="pk_assignment"),
    )
    op.create_index("ix_assignment_node_id", "assignment", ["node_id"])
    op.create_index("ix_assignment_source_id", "assignment", ["source_id"])
    op.create_table(
        "checkpoint_link",
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String()),
        sa.Column("note", sa.String()),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("retrieved_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name="fk_checkpoint_link_checkpoint_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["paper_id"], ["paper.id"], name="fk_checkpoint_link_paper_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_checkpoint_link_source_id"),
        sa.PrimaryKeyConstraint("paper_id", "checkpoint_id", name="pk_checkpoint_link"),
    )
    op.create_index("ix_checkpoint_link_checkpoint_id", "checkpoint_link", ["checkpoint_id"])
    op.create_index("ix_checkpoint_link_source_id", "checkpoint_link", ["source_id"])


def _users_own() -> None:
    """What a person writes or measures; no build touches it."""
    op.create_table(
        "collection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_collection"),
        sa.UniqueConstraint("name", name="uq_collection_name"),
    )
    op.create_table(
        "collection_item",
        sa.Column("collection_id", sa.Integer(), nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collection.id"], name="fk_collection_item_collection_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["paper_id"], ["paper.id"], name="fk_collection_item_paper_id"),
        sa.PrimaryKeyConstraint("collection_id", "paper_id", name="pk_collection_item"),
    )
    op.create_index("ix_collection_item_paper_id", "collection_item", ["paper_id"])
    op.create_table(
        "note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["paper.id"], name="fk_note_paper_id"),
        sa.PrimaryKeyConstraint("id", name="pk_note"),
    )
    op.create_index("ix_note_paper_id", "note", ["paper_id"])
    op.create_table(
        "evaluation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("dataset", sa.String(), nullable=False),
        sa.Column("dataset_fingerprint", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("sample_size", sa.Integer(), nullable=False),
        sa.Column("environment", sa.JSON(), nullable=False),
        sa.Column("measured_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoint.id"], name="fk_evaluation_checkpoint_id"),
        sa.PrimaryKeyConstraint("id", name="pk_evaluation"),
    )
    op.create_index("ix_evaluation_checkpoint_id", "evaluation", ["checkpoint_id"])
