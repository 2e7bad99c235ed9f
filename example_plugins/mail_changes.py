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
"""A plugin that emails the operators when another version of a Dag becomes active."""

from __future__ import annotations

# [START howto_notify]
from airflow.plugins_manager import AirflowPlugin
from airflow.providers.smtp.notifications.smtp import SmtpNotifier

from airflow_providers_pinning.listeners.notifier import NotifierListener

TEXT = (
    "{{ event.actor }} changed {{ event.dag_id }} from version {{ event.from_version.version_number }} "
    "to {{ event.to_version.version_number }}: {{ event.reason }}"
)

mail = SmtpNotifier(
    to="ops@example.com",
    from_email="airflow@example.com",
    subject="{{ event.dag_id }}: {{ event.kind.value }}",
    html_content=TEXT,
)


class MailChanges(AirflowPlugin):
    """Register the listener."""

    name = "mail_changes"
    listeners = [NotifierListener(mail, kinds={"pinned", "unpinned", "rolled_back"})]


# [END howto_notify]
