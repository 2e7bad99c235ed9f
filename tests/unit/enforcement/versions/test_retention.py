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
from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow._shared.timezones import timezone
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag_version import DagVersion
from airflow.utils.db_cleanup import run_cleanup
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import delete, update

from airflow_providers_pinning.enforcement.checking import EnforcementError
from airflow_providers_pinning.enforcement.versions import retention
from airflow_providers_pinning.models import ManagedVersion
from tests.support.sources import dag_file

V1 = dag_file("orders", tasks="one")
V2 = dag_file("orders", tasks="two")
V3 = dag_file("orders", tasks="three")


def clean(lab, *tables):
    """Delete what is older than a month, as ``airflow db clean`` does."""
    lab.session.execute(update(DagVersion).values(created_at=timezone.utcnow() - timedelta(days=400)))
    newest = max(lab.numbers("orders"))
    lab.version("orders", newest).created_at = timezone.utcnow()
    lab.session.commit()
    run_cleanup(
        clean_before_timestamp=timezone.utcnow() - timedelta(days=30),
        table_names=list(tables),
        confirm=False,
        skip_archive=True,
        session=lab.session,
    )
    lab.session.expire_all()


@pytest.fixture
def versions(lab, option):
    """Register three versions, none of them managed."""
    lab.commit("sha1", orders=V1)
    lab.candidate("orders", 1)
    lab.commit("sha2", orders=V2)
    lab.candidate("orders", 2)
    lab.commit("sha3", orders=V3)
    lab.session.execute(delete(ManagedVersion))
    lab.session.commit()
    return lab


@pytest.mark.parametrize(
    "manage",
    [
        pytest.param(lambda lab: lab.pin("orders", 1), id="pinned"),
        pytest.param(lambda lab: lab.candidate("orders", 1), id="candidate"),
        pytest.param(lambda lab: lab.reject("orders", 1), id="rejected"),
        pytest.param(lambda lab: (lab.pin("orders", 1), lab.unpin("orders")), id="rollback target"),
    ],
)
def test_a_managed_version_outlives_the_clean_up_and_others_do_not(manage, versions):
    manage(versions)

    clean(versions, "dag_version")

    assert versions.numbers("orders") == [1, 3]
    assert versions.serialized("orders", 1)


def test_every_version_is_cleaned_as_ever_if_none_is_managed(versions):
    clean(versions, "dag_version")

    assert versions.numbers("orders") == [3]


def test_a_version_that_a_task_instance_has_is_kept_as_ever(versions):
    versions.pin("orders", 1)
    trigger_dag("orders", triggered_by=DagRunTriggeredByType.REST_API, session=versions.session)
    versions.unpin("orders")
    versions.session.execute(delete(ManagedVersion))

    clean(versions, "dag_version")

    assert versions.numbers("orders") == [1, 3]


def test_a_pin_outlives_the_clean_up_of_everything(versions, scheduler):
    versions.pin("orders", 1)

    clean(versions)

    assert 1 in versions.numbers("orders")
    assert versions.pin("orders", 1).health.problems == ()


def test_an_airflow_that_configures_its_clean_up_otherwise_is_refused():
    with pytest.raises(EnforcementError, match="db_cleanup"):
        retention.install(SimpleNamespace(config_dict={}))
