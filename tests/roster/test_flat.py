"""The flat roster, and what all kinds share: fields, defaults, messages."""

from __future__ import annotations

import pytest

from roster.errors import RosterError
from roster.host import DECLARED, Host, parse, reference
from transports import names


def test_yaml_rendered_by_jinja(read, tmp_path) -> None:
    (tmp_path / "roster").write_text(
        "{% for n in (1, 2) %}\nweb{{ n }}:\n  host: 10.0.0.{{ n }}\n  port: 2222\n  sudo: True\n{% endfor %}\n"
        "short: db.example.com\nempty:\n"
    )
    hosts = read("flat").hosts
    assert hosts["web2"] == Host("web2", host="10.0.0.2", port=2222, sudo=True)
    assert hosts["short"].address == "db.example.com"
    assert hosts["empty"].address == "empty"


def test_defaults_are_for_what_a_host_does_not_say(read, tmp_path) -> None:
    (tmp_path / "roster").write_text("one:\n  user: ann\ntwo:\n  host: 2.example\n")
    hosts = read("flat", roster_defaults={"user": "bob", "port": 22022}).hosts
    assert (hosts["one"].user, hosts["one"].port) == ("ann", 22022)
    assert (hosts["two"].user, hosts["two"].host) == ("bob", "2.example")


def test_a_host_may_carry_its_own_id(read, tmp_path) -> None:
    (tmp_path / "roster").write_text("10.0.0.1:\n  id: web\n")
    assert read("flat").hosts["web"].address == "10.0.0.1"


def test_a_missing_file_is_named(read, tmp_path) -> None:
    with pytest.raises(RosterError, match=r"no roster .*/roster"):
        read("flat")


def test_an_unknown_kind_is_named_with_those_there_are(read) -> None:
    with pytest.raises(RosterError, match=r"'cloudy' \(there are: ansible, cache"):
        read("cloudy")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("host", "-oProxyCommand=sh", "a host name"),
        ("host", "a b", "a host name"),
        ("host", "a\n", "a host name"),
        ("port", 70000, "a port"),
        ("port", "ssh", "a whole number"),
        ("user", "root;id", "a user name"),
        ("user", "-l", "a user name"),
        ("sudo", "maybe", "True or False"),
        ("timeout", -1, "a number of seconds"),
        ("priv", "relative/key", "an absolute path"),
        ("priv", "/key\x1b", "text in one line"),
        ("thin_dir", "/tmp/a b", "an absolute path"),
        ("thin_dir", "/tmp/../etc", "an absolute path"),
        ("thin_dir", "$(id)", "an absolute path"),
        ("set_path", "/bin;id", "folders"),
        ("cmd_umask", "9", "an octal number"),
        ("minion_opts", ["a"], "a map"),
        ("ssh_options", ["ProxyCommand=nc"], "options that are allowed"),
        ("ssh_options", ["LocalCommand=id"], "options that are allowed"),
        ("ssh_options", ["Ciphers"], "a value for Ciphers"),
        ("ssh_options", ["ProxyJump=a;b"], "a host name"),
        ("jump", "-x", "a host name"),
        ("python", "python3; id", "an absolute path"),
    ],
)
def test_a_wrong_value_names_file_host_and_field(field: str, value: object, expected: str) -> None:
    with pytest.raises(RosterError) as error:
        parse("/etc/salt/roster", "web", {field: value}, names.minion_id)
    text = str(error.value)
    assert text.startswith(f"/etc/salt/roster: host 'web': field '{field}' must be ") and expected in text


def test_a_wrong_secret_is_not_shown() -> None:
    with pytest.raises(RosterError) as error:
        parse("roster", "web", {"passwd": "se\ncret"}, names.minion_id)
    assert "cret" not in str(error.value) and "'passwd'" in str(error.value)
    assert "hunter2" not in repr(parse("roster", "web", {"passwd": "hunter2", "priv_passwd": "hunter2"}, str))


def test_a_misspelt_field_is_guessed() -> None:
    with pytest.raises(RosterError, match=r"no field 'pasword'; did you mean passwd\?"):
        parse("roster", "web", {"pasword": "x"}, names.minion_id)


@pytest.mark.parametrize("name", ["../etc", "master", "a/b", "", "x" * 300])
def test_a_name_must_be_a_minion_id(name: str) -> None:
    with pytest.raises(RosterError, match=r"is no minion id|reserved"):
        parse("roster", name, {"host": "10.0.0.1"}, names.minion_id)


def test_values_get_their_types() -> None:
    host = parse(
        "roster", "web",
        {"port": "2222", "sudo": "yes", "cmd_umask": "0022", "timeout": "7", "passwd": 1234,
         "ssh_options": {"Compression": "yes"}, "ssh_pre_flight_args": "one 'two three'",
         "priv": "agent-forwarding", "jump": "ann@gate:2222,inner"},
        names.minion_id,
    )  # fmt: skip
    assert (host.port, host.sudo, host.cmd_umask, host.timeout, host.passwd) == (2222, True, 0o22, 7.0, "1234")
    assert host.ssh_options == (("Compression", "yes"),) and host.ssh_pre_flight_args == ("one", "two three")
    assert host.jump == "ann@gate:2222,inner" and host.priv == ""


def test_the_reference_has_every_field() -> None:
    assert [row[0] for row in reference()] == list(DECLARED)
    assert all(row[2] for row in reference())
