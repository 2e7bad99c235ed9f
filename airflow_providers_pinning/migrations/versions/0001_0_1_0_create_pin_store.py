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
Create the pin store.

Revision ID: a3f1c27d9b40
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from airflow.migrations.db_types import TIMESTAMP, StringID
from alembic import op

revision = "a3f1c27d9b40"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    """Create every table."""
    op.create_table(
        "pinning_version",
        sa.Column("dag_version_id", sa.Uuid(), nullable=False),
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("bundle_name", StringID(), nullable=True),
        sa.Column("bundle_version", StringID(), nullable=True),
        sa.Column("dag_hash", sa.String(32), nullable=False),
        sa.Column("relative_fileloc", sa.String(2000), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("state_changed_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("code_state", sa.String(20), nullable=False),
        sa.Column("code_message", sa.Text(), nullable=True),
        sa.Column("code_checked_at", TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dag_version_id", name="pinning_version_pkey"),
    )
    with op.batch_alter_table("pinning_version") as batch_op:
        batch_op.create_index("idx_pinning_version_dag_id", ["dag_id"])
        batch_op.create_index("idx_pinning_version_code_check", ["bundle_name", "code_state", "code_checked_at"])
    op.create_table(
        "pinning_pin",
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("dag_version_id", sa.Uuid(), nullable=True),
        sa.Column("version_number", sa.Integer(), nullable=True),
        sa.Column("bundle_name", StringID(), nullable=True),
        sa.Column("bundle_version", StringID(), nullable=True),
        sa.Column("dag_hash", sa.String(32), nullable=True),
        sa.Column("relative_fileloc", sa.String(2000), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.String(512), nullable=True),
        sa.Column("actor_kind", sa.String(20), nullable=True),
        sa.Column("changed_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_run_before", sa.Integer(), nullable=False),
        sa.Column("hold_reason", sa.Text(), nullable=True),
        sa.Column("hold_actor", sa.String(512), nullable=True),
        sa.Column("hold_at", TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("dag_id", name="pinning_pin_pkey"),
    )
    op.create_table(
        "pinning_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("from_version", sa.JSON(), nullable=True),
        sa.Column("to_version", sa.JSON(), nullable=True),
        sa.Column("actor", sa.String(512), nullable=False),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("source", sa.JSON(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("override_reason", sa.Text(), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=True),
        sa.Column("release_id", sa.String(36), nullable=True),
        sa.Column("idempotency_key", sa.String(250), nullable=True),
        sa.Column("request", sa.JSON(), nullable=True),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("announced_at", TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pinning_event_pkey"),
        sa.UniqueConstraint("dag_id", "idempotency_key", name="pinning_event_dag_id_idempotency_key_uq"),
    )
    with op.batch_alter_table("pinning_event") as batch_op:
        batch_op.create_index("idx_pinning_event_dag_id_id", ["dag_id", "id"])
        batch_op.create_index("idx_pinning_event_announced_at_id", ["announced_at", "id"])
    op.create_table(
        "pinning_run",
        sa.Column("dag_id", StringID(), nullable=False),
        sa.Column("run_id", StringID(), nullable=False),
        sa.Column("dag_version_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("created_at", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "run_id", name="pinning_run_pkey"),
    )
    op.create_table(
        "pinning_component",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.String(50), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("hostname", sa.String(500), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("package_version", sa.String(50), nullable=False),
        sa.Column("airflow_version", sa.String(50), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("started_at", TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_seen", TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pinning_component_pkey"),
    )
    with op.batch_alter_table("pinning_component") as batch_op:
        batch_op.create_index("idx_pinning_component_job_id", ["job_id"])


def downgrade():
    """Drop every table."""
    for table in ("pinning_component", "pinning_run", "pinning_event", "pinning_pin", "pinning_version"):
        op.drop_table(table)
