"""A real broker on ports of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from tests.minion.states.calls import State
from tests.processes import free_ports

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="acts as the user rabbitmq"),
    pytest.mark.skipif(not shutil.which("rabbitmq-server"), reason="needs RabbitMQ"),
    pytest.mark.slow,
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module", autouse=True)
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("broker")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    user = pwd.getpwnam("rabbitmq")
    for name in ("data", "logs"):
        (folder / name).mkdir()
        os.chown(folder / name, user.pw_uid, user.pw_gid)
    epmd, node, dist = free_ports(3)
    settings = {
        "RABBITMQ_NODENAME": f"test{dist}@localhost",
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "data" / "plugins"),
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(node),
        "RABBITMQ_DIST_PORT": str(dist),
        "ERL_EPMD_PORT": str(epmd),
        "RABBITMQ_PID_FILE": str(folder / "data" / "pid"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        with (folder / "output").open("w") as output:
            process = subprocess.Popen(["rabbitmq-server"], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            try:
                words = ["rabbitmqctl", "wait", "--timeout", "120", str(folder / "data" / "pid")]
                started = subprocess.run(words, capture_output=True, text=True)
                assert started.returncode == 0, started.stderr + Path(output.name).read_text()
                yield
            finally:
                subprocess.run(["rabbitmqctl", "shutdown"], capture_output=True)
                process.wait(60)
                subprocess.run(["epmd", "-port", str(epmd), "-kill"], capture_output=True)


def test_a_user(host: State) -> None:
    predicted, first, second = host.converge("rabbitmq_user.present", "fred", password="one")
    assert predicted["comment"] == "User 'fred' is set to be created."
    assert (first["comment"], first["changes"]) == ("'fred' was configured.", {"user": {"old": "", "new": "fred"}})
    assert second["comment"] == "User 'fred' is already present."
    options: Dict[str, Any] = {"password": "two", "tags": "monitoring management", "perms": [{"/": ["a", "b", "c"]}]}
    predicted, first, second = host.converge("rabbitmq_user.present", "fred", **options)
    assert predicted["comment"] == "Configuration for 'fred' will change." and predicted["changes"] == first["changes"]
    assert first["changes"] == {
        "password": {"old": "", "new": "Set password."},
        "tags": {"old": [], "new": ["monitoring", "management"]},
        "perms": {"old": {}, "new": {"/": {"configure": "a", "write": "b", "read": "c"}}},
    }
    assert second["comment"] == "'fred' is already in the desired state."
    assert host.functions["rabbitmq.check_password"]("fred", "two") is True
    assert host("rabbitmq_user.present", "fred", force=True)["result"] is True
    assert host.functions["rabbitmq.check_password"]("fred", "two") is False
    _, first, second = host.converge("rabbitmq_user.absent", "fred")
    assert (first["comment"], second["comment"]) == ("The user 'fred' was removed.", "The user 'fred' is not present.")
    comment = host.fails("rabbitmq_user.present", "guest", perms=[{"nosuch": ["a", "b", "c"]}])
    assert comment.startswith("Error: RabbitMQ command failed: ")


def test_a_user_without_a_password(host: State) -> None:
    host("rabbitmq_user.present", "bare")
    assert host.functions["rabbitmq.check_password"]("bare", "") is False
    host("rabbitmq_user.absent", "bare")


def test_a_virtual_host(host: State) -> None:
    predicted, first, second = host.converge("rabbitmq_vhost.present", "/site")
    assert predicted["comment"] == "Virtual Host '/site' will be created."
    assert first["changes"] == {"old": "", "new": "/site"} and second["comment"].endswith("already exists.")
    host.converge("rabbitmq_vhost.absent", "/site")
    assert host.functions["rabbitmq.list_queues"]() == {}


def test_a_policy(host: State) -> None:
    options: Dict[str, Any] = {"pattern": ".*", "definition": '{"max-length": 5}'}
    predicted, first, second = host.converge("rabbitmq_policy.present", "limit", **options)
    assert predicted["comment"] == "Policy / limit is set to be created"
    assert first["changes"] == {"old": {}, "new": "limit"} and second["comment"] == "Policy / limit is already present"
    options.update(definition={"max-length": 6}, priority=2, apply_to="queues")
    _, first, _ = host.converge("rabbitmq_policy.present", "limit", **options)
    assert first["changes"]["new"] == ["Definition", "Applyto", "Priority"]
    host.converge("rabbitmq_policy.absent", "limit")
    comment = host.fails("rabbitmq_policy.present", "limit", pattern=".*", definition="{broken")
    assert comment.startswith("The definition of policy limit is not JSON: ")
    assert "RabbitMQ command failed" in host.fails("rabbitmq_policy.present", "x", pattern="a", definition='{"no": 1}')


def test_a_plugin(host: State) -> None:
    predicted, first, second = host.converge("rabbitmq_plugin.enabled", "rabbitmq_event_exchange")
    assert predicted["comment"] == "Plugin 'rabbitmq_event_exchange' is set to be enabled."
    assert first["comment"] == "Plugin 'rabbitmq_event_exchange' was enabled."
    assert second["comment"] == "Plugin 'rabbitmq_event_exchange' is already enabled."
    host.converge("rabbitmq_plugin.disabled", "rabbitmq_event_exchange")
    assert host.fails("rabbitmq_plugin.enabled", "nosuch").startswith("Error: RabbitMQ command failed: ")


def test_the_node(host: State) -> None:
    assert "RabbitMQ" in host.functions["rabbitmq.status"]()
    assert "localhost" in host.functions["rabbitmq.cluster_status"]()
    assert host.functions["rabbitmq.list_permissions"]("/")["guest"]["configure"] == ".*"
