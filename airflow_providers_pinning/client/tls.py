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
"""TLS for the API server: options from the connection's extras, and errors."""

from __future__ import annotations

import os
import ssl

from airflow_providers_pinning.client.address import ApiAddress
from airflow_providers_pinning.exceptions import ApiUnreachableError, PinningApiError

OF_THE_LINE = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
"""Error if a server stops during the handshake, which says nothing about certificates."""

HOSTNAME_MISMATCH = frozenset({62, 64})
"""OpenSSL's error codes for a certificate with another host name or IP address."""

CLIENT_CERTIFICATE = "If the server demands a certificate of its clients, set the extras 'cert' and 'key'."


def require_files(address: ApiAddress) -> None:
    """
    Check that the certificate files of the connection can be read.

    :raises PinningApiError: with the extra to change
    """
    cert, key = (address.cert, None) if isinstance(address.cert, str) else address.cert or (None, None)
    for extra, path in (("verify", address.verify), ("cert", cert), ("key", key)):
        if isinstance(path, str) and not (os.path.isfile(path) and os.access(path, os.R_OK)):
            raise PinningApiError(
                f"The extra {extra!r} of the connection names {path!r}, which is no file that can be read here. Set it "
                "to the path of a PEM file on every host that runs tasks or triggers.",
                reason="tls_failed",
            )


def client_context(address: ApiAddress) -> ssl.SSLContext | bool:
    """
    Return the TLS options as aiohttp takes them. Reads certificates from disk.

    :raises PinningApiError: if a certificate cannot be read, or is not valid
    """
    require_files(address)
    if address.verify is True and address.cert is None:
        return True
    try:
        context = ssl.create_default_context(cafile=address.verify if isinstance(address.verify, str) else None)
        if address.verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if address.cert:
            context.load_cert_chain(*((address.cert,) if isinstance(address.cert, str) else address.cert))
    except ssl.SSLError as error:
        raise PinningApiError(
            f"A certificate of the connection is not usable: {_detail(error)}. Check the files that its extras "
            "'verify', 'cert' and 'key' name.",
            reason="tls_failed",
        ) from error
    return context


def failure(error: BaseException, address: ApiAddress, asked: str) -> PinningApiError:
    """
    Return the typed error for a request without a response.

    :param error: the exception of the HTTP library
    :param address: the server
    :param asked: the request, for the message
    """
    # The innermost one: aiohttp's own errors are also SSL errors, but lack the details of Python's.
    found = next((cause for cause in reversed(_causes(error)) if isinstance(cause, ssl.SSLError)), None)
    if found is None or isinstance(found, OF_THE_LINE):
        # Some servers close the connection of a client without a certificate, instead of asking for one.
        hint = "" if address.cert or not address.base_url.startswith("https:") else f" {CLIENT_CERTIFICATE}"
        return ApiUnreachableError(f"No answer: {asked}: {error!r}.{hint}", reason="api_unreachable")
    return PinningApiError(
        f"No trusted connection: {asked}: {_detail(found)}. {_remedy(found, address)}", reason="tls_failed"
    )


def _detail(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message.rstrip(".")
    return str(error.reason or error)


def _remedy(error: ssl.SSLError, address: ApiAddress) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"Check the scheme and port of the connection. {CLIENT_CERTIFICATE}"
    if error.verify_code in HOSTNAME_MISMATCH:
        return "Set the host of the connection to a name that is in the server's certificate."
    return (
        "Set the extra 'verify' of the connection to the path of the certificate of the server's authority "
        f"(it is {address.verify!r} now)."
    )


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and its causes, wherever the HTTP libraries keep them, outermost first."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found
