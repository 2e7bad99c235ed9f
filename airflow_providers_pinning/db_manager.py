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
"""The database manager that lets ``airflow db migrate`` create the tables of the pin store."""

from __future__ import annotations

from pathlib import Path

from airflow import settings
from airflow.utils.db_manager import BaseDBManager
from alembic import command

from airflow_providers_pinning.models import Base

PACKAGE_DIR = Path(__file__).parent

REVISION_HEADS = {"0.1.0": "a3f1c27d9b40", "0.2.0": "5c80e2b6f714"}
"""Last migration of each release of the package."""


class PinningDBManager(BaseDBManager):
    """
    Migrates, checks, resets and downgrades the pin store together with Airflow's database.

    It is listed in the provider's metadata, so ``airflow db migrate``, ``airflow db reset`` and
    ``airflow db check-migrations`` include it. To downgrade it alone, name it in
    ``[database] external_db_managers`` and use ``airflow db-manager downgrade``.
    """

    metadata = Base.metadata
    version_table_name = "alembic_version_pinning"
    migration_dir = (PACKAGE_DIR / "migrations").as_posix()
    alembic_file = (PACKAGE_DIR / "alembic.ini").as_posix()
    supports_table_dropping = True
    revision_heads_map = REVISION_HEADS

    def downgrade(self, to_revision: str, from_revision: str | None = None, show_sql_only: bool = False) -> None:
        """
        Downgrade the pin store.

        :param to_revision: revision to go down to; ``base`` removes every table
        :param from_revision: where to start, only for printing SQL
        :param show_sql_only: print the statements instead of running them
        :raises ValueError: if ``from_revision`` is given without ``show_sql_only``
        """
        if from_revision and not show_sql_only:
            raise ValueError(
                f"from_revision={from_revision!r} is only for show_sql_only=True: a real downgrade starts "
                "at the database's own revision."
            )
        if not settings.SQL_ALCHEMY_CONN:
            raise RuntimeError("Airflow has no database connection: set [database] sql_alchemy_conn.")
        self._release_metadata_locks_if_needed()
        config = self.get_alembic_config()
        if show_sql_only:
            start = from_revision or self.get_current_revision()
            command.downgrade(config, f"{start}:{to_revision}", sql=True)
        else:
            command.downgrade(config, to_revision)
