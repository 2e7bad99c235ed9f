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

import asyncio
import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from airflow_providers_pinning.exceptions import ApiUnreachableError, PinningApiError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.hooks.pinning_async import PinningAsyncHook
from tests.support.api_server import serving_airflow
from tests.support.sources import STABLE


def ask_in_a_task():
    return PinningHook(attempts=1).get_release_state("orders")


def ask_in_the_triggerer():
    return asyncio.run(PinningAsyncHook().get_release_state("orders"))


def refusal(ask) -> PinningApiError:
    """Return the error of a request, which must be none that is tried again."""
    with pytest.raises(PinningApiError) as raised:
        ask()
    assert (type(raised.value), raised.value.reason) == (PinningApiError, "tls_failed")
    return raised.value


@contextlib.contextmanager
def answering(answer):
    """Give the port of a server that hands each connection to a function, and then hangs up."""
    over = threading.Event()

    def serve():
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                accepted, _ = listening.accept()
                accepted.settimeout(10)
                with accepted:
                    answer(accepted)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            thread.join()


both_hooks = pytest.mark.parametrize("ask", [ask_in_a_task, ask_in_the_triggerer])


@dataclass
class Tls:
    """Airflow's API server behind a certificate, and another one that demands a certificate of its clients."""

    folder: Path
    port: int
    demanding_port: int

    def path(self, name: str) -> str:
        """Return the path of ``authority``, ``other``, ``server``, or of the client's ``cert``, ``key`` or ``both``."""
        return str(self.folder / f"{name}.pem")


@pytest.fixture(scope="module")
def tls(airflow_app, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other.pem")
    server, client = authority.issue_cert("localhost"), authority.issue_cert("releases@example.com")
    server.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    client.private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
    client.private_key_pem.write_to_path(folder / "key.pem")
    client.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    of_server = {"ssl_certfile": str(folder / "server.pem")}
    of_clients = {"ssl_ca_certs": str(folder / "authority.pem"), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    with (
        serving_airflow(airflow_app, **of_server) as port,
        serving_airflow(airflow_app, **of_server, **of_clients) as demanding_port,
    ):
        yield Tls(folder, port, demanding_port)


@pytest.fixture
def reach(tls, connect, airflow_server, lab):
    """Return a function that connects to a server of the certificates, by the name that they are for."""
    lab.commit("sha1", orders=STABLE)

    def connect_to(port, *, host="localhost", **extra):
        connect(f"https://{host}:{port}", extra=extra)

    return connect_to


@both_hooks
def test_authority_of_the_connection_is_trusted(tls, reach, ask):
    reach(tls.port, verify=tls.path("authority"))
    assert ask()["dag_id"] == "orders"


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@both_hooks
def test_certificate_is_not_checked_if_the_connection_says_so(tls, reach, ask):
    reach(tls.port, host="127.0.0.1", verify=False)
    assert ask()["dag_id"] == "orders"


@both_hooks
@pytest.mark.parametrize("verify", [True, "other"])
def test_unknown_authority_is_refused_with_the_remedy_and_without_the_password_leaving(tls, reach, ask, verify):
    verify = verify if verify is True else tls.path(verify)
    reach(tls.port, verify=verify)
    said = str(refusal(ask))
    assert "No trusted connection" in said and f"https://localhost:{tls.port}" in said
    assert "Set the extra 'verify' of the connection to the path of the certificate of the server's authority" in said
    assert f"it is {verify!r} now" in said
    assert "secret" not in said


@both_hooks
def test_certificate_for_another_name_is_refused_with_the_remedy(tls, reach, ask):
    reach(tls.port, host="127.0.0.1", verify=tls.path("authority"))
    assert "Set the host of the connection to a name that is in the server's certificate." in str(refusal(ask))


@both_hooks
@pytest.mark.parametrize("files", [{"cert": "cert", "key": "key"}, {"cert": "both"}])
def test_certificate_of_the_client_is_shown(tls, reach, ask, files):
    reach(tls.demanding_port, verify=tls.path("authority"), **{extra: tls.path(name) for extra, name in files.items()})
    assert ask()["dag_id"] == "orders"


@both_hooks
def test_missing_certificate_of_the_client_is_refused_with_the_remedy(tls, connect, ask):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.path("authority"))
    context.load_cert_chain(tls.path("server"))
    context.verify_mode = ssl.CERT_REQUIRED

    def shake_hands(accepted):
        with context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False) as secured:
            with contextlib.suppress(ssl.SSLError):
                secured.do_handshake()
            # Closing before all is read would be a reset, which may overtake what TLS has said.
            socket.socket.shutdown(secured, socket.SHUT_WR)
            while socket.socket.recv(secured, 4096):
                pass

    with answering(shake_hands) as port:
        connect(f"https://localhost:{port}", extra={"verify": tls.path("authority")})
        assert "CERTIFICATE_REQUIRED. " in str(refused := refusal(ask))
        assert "demands a certificate of its clients, set the extras 'cert' and 'key'" in str(refused)


@both_hooks
def test_remedy_is_named_also_if_the_server_hangs_up_on_a_client_without_a_certificate(tls, reach, ask):
    reach(tls.demanding_port, verify=tls.path("authority"))
    with pytest.raises(ApiUnreachableError, match="set the extras 'cert' and 'key'"):
        ask()


@both_hooks
@pytest.mark.parametrize("extra", ["verify", "cert", "key"])
@pytest.mark.parametrize("path", ["/nowhere.pem", "/"])
def test_file_that_cannot_be_read_is_named_with_its_extra(tls, reach, ask, extra, path):
    files = {"verify": tls.path("authority"), "cert": tls.path("cert"), "key": tls.path("key")}
    reach(tls.port, **{**files, extra: path})
    assert f"The extra {extra!r} of the connection names {path!r}, which is no file" in str(refusal(ask))


@both_hooks
def test_files_that_do_not_belong_together_are_refused(tls, reach, ask):
    reach(tls.port, verify=tls.path("authority"), cert=tls.path("cert"), key=tls.path("other"))
    assert "'cert' and 'key'" in str(refusal(ask))


@both_hooks
def test_http_server_behind_an_https_address_is_refused_with_the_remedy(airflow_server, connect, ask):
    connect(airflow_server.replace("http:", "https:"))
    assert "Check the scheme and port of the connection" in str(refusal(ask))


@both_hooks
def test_server_that_ends_in_the_middle_of_a_handshake_is_one_to_ask_again(connect, ask):
    with answering(lambda accepted: accepted.recv(1)) as port:
        connect(f"https://localhost:{port}")
        with pytest.raises(ApiUnreachableError):
            ask()
