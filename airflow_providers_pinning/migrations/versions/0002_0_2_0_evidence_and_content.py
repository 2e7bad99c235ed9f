# Licensed to the Apache Software Foundation (ASF) under one
# or more contributor license agreements.  See the NOTICE file
# distributed with this work for additional information
# regarding copyright ownership.  The ASF licenses this file
# to you under the Apache License, Version 2.0 (the
# "License"); you may not use this file except in compliance
# with the License.  You may obtain a copy of the License at
#
#   http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing,
# software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY
# KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations
# under the License.
"""
Add what canary runs are judged by, what versions consist of, and which versions bundles were at.

Revision ID: 5c80e2b6f714
Revises: a3f1c27d9b40
"""

from __future__ import annotations

import sqlalchemy as sa
from airflow.migrations.db_types import TIMESTAMP, StringID
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMBLOB, MEDIUMTEXT
from sqlalchemy.dialects.postgresql import JSONB

revision = "5c80e2b6f714"
down_revision = "a3f1c27d9b40"
branch_labels = None
depends_on = None

LONG_TEXT = sa.Text().with_variant(MEDIUMTEXT(), "mysql")
LONG_BINARY = sa.LargeBinary().with_variant(MEDIUMBLOB(), "mysql")


def _columns() -> dict[str, tuple[sa.Column, ...]]:
    return {
        "pinning_component": (sa.Column("missing_patches", sa.JSON(), nullable=True),),
        "pinning_pin": (
            sa.Column("head_missing_at", TIMESTAMP(timezone=True), nullable=True),
            sa.Column("hold_until", TIMESTAMP(timezone=True), nullable=True),
            sa.Column("pending_from", TIMESTAMP(timezone=True), nullable=True),
            sa.Column("effective_from", TIMESTAMP(timezone=True), nullable=True),
            sa.Column("schedule_from", TIMESTAMP(timezone=True), nullable=True),
            sa.Column("timeline_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
            sa.Column("activation_failure", sa.Text(), nullable=True),
            sa.Column("breaker", sa.String(20), nullable=True),
            sa.Column("breaker_after", sa.Integer(), nullable=True),
            sa.Column("ramp_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        ),
        "pinning_version": (
            sa.Column("evaluated_since", TIMESTAMP(timezone=True), nullable=True),
            sa.Column("code_attempts", sa.Integer(), nullable=True),
            sa.Column("code_source", sa.String(20), nullable=True),
            sa.Column("code_ref", sa.String(250), nullable=True),
            sa.Column("code_problem", sa.String(30), nullable=True),
        ),
        "pinning_run": (
            sa.Column("isolation", sa.JSON(), nullable=True),
            sa.Column("state", sa.String(20), nullable=True),
            sa.Column("started_at", TIMESTAMP(timezone=True), nullable=True),
            sa.Column("ended_at", TIMESTAMP(timezone=True), nullable=True),
            sa.Column("outcome", sa.JSON(), nullable=True),
            sa.Column("alterations", sa.JSON(), nullable=True),
            sa.Column("counts_as", sa.String(20), nullable=True),
            sa.Column("active_seconds", sa.Float(), nullable=True),
            sa.Column("retried_tasks", sa.Integer(), nullable=True),
            sa.Column("withheld_effects", sa.Integer(), nullable=True),
            sa.Column("shares_slots", sa.Boolean(), nullable=True),
            sa.Column("replay_of", StringID(), nullable=True),
            sa.Column("output_differences", sa.Integer(), nullable=True),
            sa.Column("baseline_run_id", StringID(), nullable=True),
        ),
    }


def upgrade():
    """Add the columns and the tables."""
    for table, columns in _columns().items():
        for column in columns:
            op.add_column(table, column)
    with op.batch_alter_table("pinning_event") as batch_op:
        batch_op.create_index("idx_pinning_event_actor_id", ["actor", "id"])
        batch_op.create_index("idx_pinning_event_kind_id", ["kind", "id"])
        batch_op.create_index("idx_pinning_event_created_at", ["created_at"])
    with op.batch_alter_table("pinning_version") as batch_op:
        batch_op.create_index("idx_pinning_version_code_retry", ["code_attempts", "code_checked_at"])
    # What was reported as missing is looked for again soon: its remote may only have been down.
    op.execute("UPDATE pinning_version SET code_attempts = 1 WHERE code_state = 'missing'")
    op.create_table(
        "pinning_version_content",
        sa.Column("dag_version_id", sa.Uuid(), nullable=False),
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("dag_hash", sa.String(32), nullable=False),
        sa.Column("data", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=True),
        sa.Column("data_compressed", LONG_BINARY, nullable=True),
        sa.Column("fileloc", sa.String(2000), nullable=False),
        sa.Column("source_code", LONG_TEXT, nullable=False),
        sa.Column("source_code_hash", sa.String(32), nullable=False),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dag_version_id", name="pinning_version_content_pkey"),
    )
    with op.batch_alter_table("pinning_version_content") as batch_op:
        batch_op.create_index("idx_pinning_version_content_dag_id", ["dag_id"])
    op.create_table(
        "pinning_withheld_effect",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("run_id", StringID(), nullable=False),
        sa.Column("task_id", StringID(), nullable=True),
        sa.Column("map_index", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=True),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("subject", sa.String(64), nullable=True),
        sa.Column("value", LONG_TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pinning_withheld_effect_pkey"),
    )
    with op.batch_alter_table("pinning_withheld_effect") as batch_op:
        batch_op.create_index("idx_pinning_withheld_effect_dag_id_run_id", ["dag_id", "run_id"])
    op.create_table(
        "pinning_bundle_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("bundle_name", StringID(), nullable=False),
        sa.Column("bundle_version", StringID(), nullable=False),
        sa.Column("seen_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("parsed_at", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("unparsed", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pinning_bundle_version_pkey"),
        sa.UniqueConstraint(
            "bundle_name", "bundle_version", name="pinning_bundle_version_bundle_name_bundle_version_uq"
        ),
    )
    op.create_table(
        "pinning_broken_file",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("bundle_version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("relative_fileloc", sa.String(2000), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pinning_broken_file_pkey"),
    )
    with op.batch_alter_table("pinning_broken_file") as batch_op:
        batch_op.create_index("idx_pinning_broken_file_bundle_version_id", ["bundle_version_id"])
    op.create_table(
        "pinning_acknowledgement",
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("run_id", StringID(), nullable=False),
        sa.Column("actor", sa.String(512), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "run_id", name="pinning_acknowledgement_pkey"),
    )
    op.create_table(
        "pinning_gap",
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("run_id", StringID(), nullable=False),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("dag_id", name="pinning_gap_pkey"),
    )
    op.create_table(
        "pinning_criteria",
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("criteria", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(512), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_at", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", name="pinning_criteria_pkey"),
    )
    _create_code_tables()
    _create_policy_tables()
    _create_release_tables()
    _create_activation_table()
    _create_ramp_table()


def _create_code_tables():
    op.create_table(
        "pinning_dag_modules",
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("modules", sa.JSON(), nullable=False),
        sa.Column("recorded_at", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", name="pinning_dag_modules_pkey"),
    )
    op.create_table(
        "pinning_version_files",
        sa.Column("dag_version_id", sa.Uuid(), nullable=False),
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("bundle_name", StringID(), nullable=False),
        sa.Column("bundle_version", StringID(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=True),
        sa.Column("digest", sa.String(40), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("looked_at", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dag_version_id", name="pinning_version_files_pkey"),
    )
    with op.batch_alter_table("pinning_version_files") as batch_op:
        batch_op.create_index("idx_pinning_version_files_dag_id", ["dag_id"])
    op.create_table(
        "pinning_commit_files",
        sa.Column("bundle_name", StringID(), nullable=False),
        sa.Column("bundle_version", StringID(), nullable=False),
        sa.Column("shared_digest", sa.String(40), nullable=False),
        sa.Column("basis", sa.String(40), nullable=False),
        sa.Column("file_count", sa.Integer(), nullable=False),
        sa.Column("listing", LONG_BINARY, nullable=True),
        sa.Column("settles_at", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("looked_at", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bundle_name", "bundle_version", name="pinning_commit_files_pkey"),
    )
    op.create_table(
        "pinning_commit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("bundle_name", StringID(), nullable=False),
        sa.Column("bundle_version", StringID(), nullable=False),
        sa.Column("parents", sa.JSON(), nullable=False),
        sa.Column("author", sa.String(250), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("committed_at", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("url", sa.String(2000), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pinning_commit_pkey"),
        sa.UniqueConstraint("bundle_name", "bundle_version", name="pinning_commit_bundle_name_bundle_version_uq"),
    )
    op.create_table(
        "pinning_file_content",
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("is_binary", sa.Boolean(), nullable=False),
        sa.Column("text", LONG_TEXT, nullable=True),
        sa.PrimaryKeyConstraint("content_hash", name="pinning_file_content_pkey"),
    )


def _create_policy_tables():
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "pinning_policy",
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", LONG_TEXT, nullable=False),
        sa.Column("document_hash", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(512), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pinning_policy_pkey"),
    )
    op.create_table(
        "pinning_freeze",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("selection", sa.JSON(), nullable=True),
        sa.Column("until", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("actor", sa.String(512), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("lifted_at", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(512), nullable=True),
        sa.Column("lift_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pinning_freeze_pkey"),
    )
    with op.batch_alter_table("pinning_freeze") as batch_op:
        batch_op.create_index("idx_pinning_freeze_lifted_at_until", ["lifted_at", "until"])

    def identity():
        return (
            sa.Column("id", number, autoincrement=True, nullable=False),
            sa.Column("dag_id", StringID(), nullable=False),
            sa.Column("dag_version_id", sa.Uuid(), nullable=False),
            sa.Column("version_number", sa.Integer(), nullable=False),
            sa.Column("bundle_name", StringID(), nullable=True),
            sa.Column("bundle_version", StringID(), nullable=True),
            sa.Column("dag_hash", sa.String(32), nullable=False),
        )

    op.create_table(
        "pinning_evidence",
        *identity(),
        sa.Column("name", sa.String(250), nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("url", sa.String(2000), nullable=True),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.Column("expires_at", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("actor", sa.String(512), nullable=False),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pinning_evidence_pkey"),
    )
    with op.batch_alter_table("pinning_evidence") as batch_op:
        batch_op.create_index("idx_pinning_evidence_dag_version_id", ["dag_version_id", "id"])
        batch_op.create_index("idx_pinning_evidence_dag_id", ["dag_id"])
        batch_op.create_index("idx_pinning_evidence_name", ["name"])
    op.create_table(
        "pinning_approval",
        *identity(),
        sa.Column("actor", sa.String(512), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("revoked_at", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.String(512), nullable=True),
        sa.Column("revoke_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pinning_approval_pkey"),
    )
    with op.batch_alter_table("pinning_approval") as batch_op:
        batch_op.create_index("idx_pinning_approval_dag_version_id", ["dag_version_id", "id"])
        batch_op.create_index("idx_pinning_approval_dag_id", ["dag_id"])


def _create_release_tables():
    op.create_table(
        "pinning_release",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("bundle_name", StringID(), nullable=True),
        sa.Column("bundle_version", StringID(), nullable=True),
        sa.Column("actor", sa.String(512), nullable=False),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("source", sa.JSON(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("idempotency_key", sa.String(250), nullable=True),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("rolls_back", sa.String(36), nullable=True),
        sa.Column("rolled_back_by", sa.String(36), nullable=True),
        sa.Column("effective_from", TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pinning_release_pkey"),
        sa.UniqueConstraint("idempotency_key", name="pinning_release_idempotency_key_uq"),
    )
    with op.batch_alter_table("pinning_release") as batch_op:
        batch_op.create_index("idx_pinning_release_created_at", ["created_at"])
    op.create_table(
        "pinning_release_dag",
        sa.Column("release_id", sa.String(36), nullable=False),
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("was_pinned", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("from_version", sa.JSON(), nullable=True),
        sa.Column("to_version", sa.JSON(), nullable=True),
        sa.Column("reason", sa.String(40), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("release_id", "dag_id", name="pinning_release_dag_pkey"),
    )
    with op.batch_alter_table("pinning_release_dag") as batch_op:
        batch_op.create_index("idx_pinning_release_dag_dag_id", ["dag_id"])


def _create_activation_table():
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "pinning_activation",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("effective_from", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("from_version", sa.JSON(), nullable=True),
        sa.Column("to_version", sa.JSON(), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(512), nullable=False),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("source", sa.JSON(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("result_reason", sa.String(100), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pinning_activation_pkey"),
    )
    with op.batch_alter_table("pinning_activation") as batch_op:
        batch_op.create_index("idx_pinning_activation_status", ["status", "effective_from"])
        batch_op.create_index("idx_pinning_activation_dag_id", ["dag_id"])


def _create_ramp_table():
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "pinning_ramp",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("dag_version_id", sa.Uuid(), nullable=False),
        sa.Column("to_version", sa.JSON(), nullable=False),
        sa.Column("from_version", sa.JSON(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("max_failures", sa.Integer(), nullable=False),
        sa.Column("promotion", sa.String(20), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("step_since", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("step_after", sa.Integer(), nullable=False),
        sa.Column("started_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("started_after", sa.Integer(), nullable=False),
        sa.Column("ended_at", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_after", sa.Integer(), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(512), nullable=False),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("source", sa.JSON(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pinning_ramp_pkey"),
    )
    with op.batch_alter_table("pinning_ramp") as batch_op:
        batch_op.create_index("idx_pinning_ramp_dag_id", ["dag_id"])


def downgrade():
    """Drop them. A hold whose end is over is lifted first: without its end it would last until someone lifts it."""
    # SQLite compares text, and has moments with microseconds in the column.
    sqlite = op.get_context().dialect.name == "sqlite"
    now = "strftime('%Y-%m-%d %H:%M:%f000', 'now')" if sqlite else "CURRENT_TIMESTAMP"
    op.execute(
        "UPDATE pinning_pin SET hold_reason = NULL, hold_actor = NULL, hold_at = NULL "  # noqa: S608
        f"WHERE hold_until IS NOT NULL AND hold_until <= {now}"
    )
    for table in (
        "pinning_ramp",
        "pinning_activation",
        "pinning_approval",
        "pinning_evidence",
        "pinning_freeze",
        "pinning_policy",
        "pinning_release_dag",
        "pinning_release",
        "pinning_criteria",
        "pinning_file_content",
        "pinning_commit",
        "pinning_commit_files",
        "pinning_version_files",
        "pinning_dag_modules",
        "pinning_gap",
        "pinning_acknowledgement",
        "pinning_broken_file",
        "pinning_bundle_version",
        "pinning_withheld_effect",
        "pinning_version_content",
    ):
        op.drop_table(table)
    with op.batch_alter_table("pinning_event") as batch_op:
        for column in ("actor_id", "kind_id", "created_at"):
            batch_op.drop_index(f"idx_pinning_event_{column}")
    with op.batch_alter_table("pinning_version") as batch_op:
        batch_op.drop_index("idx_pinning_version_code_retry")
    for table, columns in _columns().items():
        for column in reversed(columns):
            op.drop_column(table, column.name)
