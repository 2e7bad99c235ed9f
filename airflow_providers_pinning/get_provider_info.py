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
"""Provider metadata, generated from provider.yaml by scripts/generate_provider_info.py."""

from __future__ import annotations

from typing import Any


# fmt: off
def get_provider_info() -> dict[str, Any]:
    """Return what Airflow needs to know of this provider."""
    return {'package-name': 'airflow-providers-pinning',
     'name': 'Dag version pinning',
     'description': 'Pin the version of a Dag that new runs use, while newer versions keep being '
                    'parsed.\n'
                    'Promotion, deployment windows and rollback are Dags of their own.\n',
     'integrations': [{'integration-name': 'Dag version pinning',
                       'external-doc-url': 'https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/dags.html',
                       'tags': ['software']}],
     'db-managers': ['airflow_providers_pinning.db_manager.PinningDBManager'],
     'plugins': [{'name': 'pinning',
                  'plugin-class': 'airflow_providers_pinning.plugins.pinning.PinningPlugin'}],
     'cli': ['airflow_providers_pinning.cli.definition.get_cli_commands'],
     'operators': [{'integration-name': 'Dag version pinning',
                    'python-modules': ['airflow_providers_pinning.operators.pin',
                                       'airflow_providers_pinning.operators.release',
                                       'airflow_providers_pinning.operators.ramp',
                                       'airflow_providers_pinning.operators.rollback',
                                       'airflow_providers_pinning.operators.hold',
                                       'airflow_providers_pinning.operators.canary',
                                       'airflow_providers_pinning.operators.approval',
                                       'airflow_providers_pinning.operators.policy']}],
     'sensors': [{'integration-name': 'Dag version pinning',
                  'python-modules': ['airflow_providers_pinning.sensors.version',
                                     'airflow_providers_pinning.sensors.bundle_version',
                                     'airflow_providers_pinning.sensors.soak',
                                     'airflow_providers_pinning.sensors.remote_version',
                                     'airflow_providers_pinning.sensors.window']}],
     'triggers': [{'integration-name': 'Dag version pinning',
                   'python-modules': ['airflow_providers_pinning.triggers.canary',
                                      'airflow_providers_pinning.triggers.version',
                                      'airflow_providers_pinning.triggers.soak',
                                      'airflow_providers_pinning.triggers.remote_version',
                                      'airflow_providers_pinning.triggers.window']}],
     'notifications': ['airflow_providers_pinning.notifications.rollback.RollbackNotifier'],
     'extra-links': ['airflow_providers_pinning.operators.links.PinningTabLink',
                     'airflow_providers_pinning.operators.links.RemotePinningTabLink'],
     'hooks': [{'integration-name': 'Dag version pinning',
                'python-modules': ['airflow_providers_pinning.hooks.pinning',
                                   'airflow_providers_pinning.hooks.pinning_async',
                                   'airflow_providers_pinning.hooks.rollback']}],
     'connection-types': [{'connection-type': 'pinning',
                           'hook-class-name': 'airflow_providers_pinning.hooks.pinning.PinningHook',
                           'hook-name': 'Dag version pinning',
                           'ui-field-behaviour': {'hidden-fields': ['extra'],
                                                  'relabeling': {'host': 'API server',
                                                                 'schema': 'Scheme',
                                                                 'login': 'User'},
                                                  'placeholders': {'host': 'airflow.example.com, or a '
                                                                           'URL with a base path: '
                                                                           'https://airflow.example.com/team-a',
                                                                   'schema': 'http or https, if the '
                                                                             'host is not a URL',
                                                                   'port': '8080',
                                                                   'login': 'a user that may edit the '
                                                                            'Dags to pin'}},
                           'conn-fields': {'token': {'label': 'Token',
                                                     'description': 'Used instead of user and '
                                                                    'password. It is not renewed when '
                                                                    'it expires.',
                                                     'schema': {'type': ['string', 'null'],
                                                                'format': 'password'}},
                                           'verify': {'label': 'Check the certificate',
                                                      'description': 'true, false, or the path of the '
                                                                     'certificate authorities to check '
                                                                     'it with.',
                                                      'schema': {'type': ['string', 'null'],
                                                                 'default': 'true'}},
                                           'cert': {'label': 'Client certificate',
                                                    'description': 'Path of a PEM file, with or '
                                                                   'without its key.',
                                                    'schema': {'type': ['string', 'null']}},
                                           'key': {'label': 'Key of the client certificate',
                                                   'description': 'Path of a PEM file.',
                                                   'schema': {'type': ['string', 'null']}},
                                           'timeout': {'label': 'Timeout',
                                                       'description': 'Seconds to wait for a '
                                                                      'connection, and for an answer.',
                                                       'schema': {'type': ['number', 'null'],
                                                                  'minimum': 0.1,
                                                                  'default': 30}},
                                           'ui_url': {'label': 'Address of the UI',
                                                      'description': 'Where browsers reach Airflow, '
                                                                     'for links, if it is not what '
                                                                     '[api] base_url says.',
                                                      'schema': {'type': ['string', 'null'],
                                                                 'format': 'url'}}}}],
     'config': {'pinning': {'description': 'Options of Dag version pinning.',
                            'options': {'keep_versions': {'description': 'How many versions of a Dag '
                                                                         'are kept unchanged besides '
                                                                         'the pinned and the rejected '
                                                                         'ones: candidates,\n'
                                                                         'and versions that were '
                                                                         'pinned before and can be '
                                                                         'rolled back to.\n',
                                                          'version_added': '0.1.0',
                                                          'type': 'integer',
                                                          'example': None,
                                                          'default': '10'},
                                        'component_heartbeat': {'description': 'Seconds between two '
                                                                               'signs of life of an '
                                                                               'API server process.',
                                                                'version_added': '0.1.0',
                                                                'type': 'float',
                                                                'example': None,
                                                                'default': '10'},
                                        'component_threshold': {'description': 'Seconds after which an '
                                                                               'API server process '
                                                                               'that gave no sign of '
                                                                               'life counts as gone.',
                                                                'version_added': '0.1.0',
                                                                'type': 'float',
                                                                'example': None,
                                                                'default': '60'},
                                        'maintenance_interval': {'description': 'Seconds between two '
                                                                                'rounds of upkeep in '
                                                                                'the dag processor: '
                                                                                'repair of overwritten '
                                                                                'scheduling metadata,\n'
                                                                                'metrics, announcement '
                                                                                'of changes that the '
                                                                                'process which made '
                                                                                'them did not '
                                                                                'announce, and the '
                                                                                'check\n'
                                                                                'whether the code of '
                                                                                'managed versions can '
                                                                                'be had.\n',
                                                                 'version_added': '0.1.0',
                                                                 'type': 'float',
                                                                 'example': None,
                                                                 'default': '15'},
                                        'code_check_interval': {'description': 'Seconds after which '
                                                                               'the code of a managed '
                                                                               'version is checked '
                                                                               'again.',
                                                                'version_added': '0.1.0',
                                                                'type': 'float',
                                                                'example': None,
                                                                'default': '3600'},
                                        'release_permission': {'description': 'Whether pinning and '
                                                                              'unpinning need a '
                                                                              'permission of their own '
                                                                              'beside that to edit the '
                                                                              'Dag, so that who '
                                                                              'writes\n'
                                                                              'Dags need not be who '
                                                                              'releases them: ``can '
                                                                              'edit on Releases`` with '
                                                                              'FAB, the role ``op`` or '
                                                                              '``admin`` with the\n'
                                                                              'SimpleAuthManager. A '
                                                                              'rollback to a version '
                                                                              'that was active before '
                                                                              'needs only permission '
                                                                              'to edit the Dag.\n',
                                                               'version_added': '0.2.0',
                                                               'type': 'boolean',
                                                               'example': 'True',
                                                               'default': 'False'},
                                        'ignored_paths': {'description': 'Files of Dag bundles whose '
                                                                         'changes matter to no Dag, as '
                                                                         'patterns of ``.gitignore``, '
                                                                         'separated by commas or\n'
                                                                         'lines. Paths begin at the '
                                                                         "bundle's root; ``../**`` "
                                                                         'names what is outside of it. '
                                                                         'A version that differs\n'
                                                                         'from another one in nothing '
                                                                         'but such files, and in the '
                                                                         'files of other Dags, is not '
                                                                         'related to it.\n',
                                                          'version_added': '0.2.0',
                                                          'type': 'string',
                                                          'example': '*.md, tests/**',
                                                          'default': ''},
                                        'commit_url_template': {'description': 'Where commits can be '
                                                                               'seen, for links: an '
                                                                               'address that begins '
                                                                               'with ``http://`` or '
                                                                               '``https://``, with '
                                                                               'the\n'
                                                                               'fields ``{bundle}`` '
                                                                               'and ``{version}``. If '
                                                                               'it is empty, it is '
                                                                               'taken from the address '
                                                                               "of the bundle's "
                                                                               'remote\n'
                                                                               'where that tells.\n',
                                                                'version_added': '0.2.0',
                                                                'type': 'string',
                                                                'example': 'https://git.example/{bundle}/commit/{version}',
                                                                'default': ''}}}}}
