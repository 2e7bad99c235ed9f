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
"""What a pin sees of a branch that is set back (a force push) while no dag processor runs."""

import pytest

from airflow_providers_pinning.domain.changes.pins import Target, pin_version
from airflow_providers_pinning.domain.errors import UnknownVersionError
from airflow_providers_pinning.domain.versions.bundle_versions import commit_status
from airflow_providers_pinning.vocabulary import Registration
from tests.support.sources import dag_file
from tests.unit.enforcement.dag_processor.test_broken_files import parse, repository  # noqa: F401 - fixtures

STABLE, CHANGED = dag_file("orders"), dag_file("orders", tasks="extract load")


@pytest.fixture
def commits(repository, parse, lab):  # noqa: F811
    """Return two commits; the dag processor had both, and was started again after the second was dropped."""

    def drop(*, is_kept):
        first = repository.commit(orders=STABLE)
        parse()
        if is_kept:
            lab.pin("orders", 1)
        second = repository.commit(orders=CHANGED)
        parse()
        if is_kept:
            lab.candidate("orders", 2)
        repository.git("reset", "--quiet", "--hard", first)
        parse()
        return first, second

    return drop


def test_pin_stays_and_a_kept_version_of_the_dropped_commit_is_found(commits, lab, session):
    first, second = commits(is_kept=True)
    state = lab.pin_state("orders")
    assert (state.active.version_number, state.active.bundle_version) == (1, first)
    found = commit_status("orders", second, session=session)
    assert (found.registration, found.version.version_number) == (Registration.REGISTERED, 2)


def test_what_is_parsed_afterwards_is_not_taken_for_the_dropped_commit(commits, repository, parse, lab, session):  # noqa: F811
    first, dropped = commits(is_kept=False)
    third = repository.commit(orders=STABLE, other=dag_file("other"))
    parse()
    assert commit_status("orders", dropped, session=session).registration == Registration.UNSEEN
    with pytest.raises(UnknownVersionError, match="No dag processor has seen this commit"):
        pin_version("orders", Target(bundle_version=dropped), lab.change(), session=session)
    session.rollback()
    found = commit_status("orders", first, session=session)
    assert (found.registration, found.version.bundle_version) == (Registration.REGISTERED, third)
