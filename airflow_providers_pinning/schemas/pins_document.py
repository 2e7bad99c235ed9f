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
"""The document of pins: what it may say, and where it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError, model_validator

from airflow_providers_pinning.domain.errors import InvalidPinsError
from airflow_providers_pinning.schemas import yaml_text
from airflow_providers_pinning.schemas.document_problems import described, invalid, problem_of
from airflow_providers_pinning.schemas.policies import MatchDocument
from airflow_providers_pinning.schemas.policy_values import DocumentPart, Name
from airflow_providers_pinning.vocabulary import MAX_INTEGER, MAX_PINS_BYTES, MAX_RELEASED_DAGS


class PinDocument(DocumentPart):
    """The version that a Dag is pinned to. The number or the commit names it; all that is given must be so."""

    dag_id: Name
    version_number: int | None = Field(default=None, ge=1, le=MAX_INTEGER)
    bundle_name: Name | None = None
    bundle_version: Name | None = Field(default=None, description="A commit, by its full hash.")
    dag_hash: Name | None = Field(default=None, description="Hash of the serialized Dag.")

    @model_validator(mode="after")
    def _name_a_version(self) -> PinDocument:
        if self.version_number is None and self.bundle_version is None:
            raise ValueError("give version_number or bundle_version")
        return self


class PinsDocument(DocumentPart):
    """Which version each Dag is pinned to."""

    pins: list[PinDocument] = Field(max_length=MAX_RELEASED_DAGS)
    owns: MatchDocument | None = Field(
        default=None, description="Of these Dags, those that are not listed are unpinned. Without it, none is."
    )

    @model_validator(mode="after")
    def _list_each_dag_once(self) -> PinsDocument:
        seen: dict[str, int] = {}
        for position, pin in enumerate(self.pins):
            if (first := seen.setdefault(pin.dag_id, position)) != position:
                raise ValueError(f"pins[{position}] lists Dag {pin.dag_id!r} again, after pins[{first}]; remove one")
        if not self.pins and self.owns is None:
            raise ValueError("it lists no pin, and owns no Dag; give one of them")
        return self


def validated(document: Any) -> dict[str, Any]:
    """
    Return a document as JSON values, without what was left out.

    :raises InvalidPinsError: if it is no document of pins, with every place that is wrong
    """
    if not isinstance(document, Mapping):
        raise invalid(
            [f"The document must be a mapping with the key pins, not {described(document)}."], InvalidPinsError
        )
    try:
        parsed = PinsDocument.model_validate(dict(document))
    except ValidationError as error:
        problems = [problem_of(one, document) for one in error.errors(include_url=False)]
        raise invalid(problems, InvalidPinsError) from None
    values: dict[str, Any] = parsed.model_dump(mode="json", exclude_none=True)
    return values


def read(text: str | bytes) -> dict[str, Any]:
    """
    Return the validated document that a text contains.

    :raises InvalidPinsError: with the place, and what to do about it
    """
    return validated(yaml_text.load(text, most=MAX_PINS_BYTES, error=InvalidPinsError))
