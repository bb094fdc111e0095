"""dig against a name server of our own."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import threading
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from minion.loader import Loader

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="listens on port 53"),
    pytest.mark.skipif(not shutil.which("dig"), reason="needs dig"),
]
SERVER = "127.53.0.25"
KINDS = {"A": 1, "NS": 2, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SPF": 99}


def name(text: str) -> bytes:
    return b"".join(bytes([len(part)]) + part.encode() for part in text.split(".") if part) + b"\0"


def text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


RECORDS: Dict[Tuple[str, str], List[bytes]] = {
    ("www.test", "A"): [socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")],
    ("www.test", "AAAA"): [socket.inet_pton(socket.AF_INET6, "2001:db8::1")],
    ("alias.test", "CNAME"): [name("www.test")],
    ("test", "NS"): [name("www.test")],
    ("test", "MX"): [b"\0\x0a" + name("www.test"), b"\0\x14" + name("nosuch.test")],
    ("test", "TXT"): [text("other"), text("v=spf1 +ip4:192.0.2.0/24 ip6:2001:db8::1 a include:more.test -all")],
    ("more.test", "SPF"): [text("v=spf1 redirect=test ip4:198.51.100.7")],
    ("1.2.0.192.in-addr.arpa", "PTR"): [name("www.test")],
}


def answer(question: bytes) -> bytes:
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode())
        at += 1 + question[at]
    kind = struct.unpack(">H", question[at + 1 : at + 3])[0]
    known = next(word for word, number in KINDS.items() if number == kind)
    data = RECORDS.get((".".join(labels), known), [])
    answers = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(item)) + item for item in data)
    return question[:2] + b"\x84\0\0\x01" + struct.pack(">HHH", len(data), 0, 0) + question[12 : at + 5] + answers


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((SERVER, 53))

        def serve() -> None:
            while True:
                question, peer = listener.recvfrom(4096)
                if not question:
                    return
                listener.sendto(answer(question), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"", (SERVER, 53))
        thread.join()


@pytest.mark.parametrize(
    ("function", "host", "options", "expected"),
    [
        ("A", "www.test", {}, ["192.0.2.1", "192.0.2.2"]),
        ("A", "nosuch.test", {}, []),
        ("AAAA", "www.test", {}, ["2001:db8::1"]),
        ("CNAME", "alias.test", {}, "www.test."),
        ("CNAME", "www.test", {}, []),
        ("PTR", "192.0.2.1", {}, ["www.test."]),
        ("NS", "test", {"resolve": False}, ["www.test."]),
        ("NS", "test", {}, ["192.0.2.1", "192.0.2.2"]),
        ("MX", "test", {}, [["10", "www.test."], ["20", "nosuch.test."]]),
        ("MX", "test", {"resolve": True}, [["10", "192.0.2.1"], ["20", "nosuch.test."]]),
        ("TXT", "test", {}, ['"other"', '"v=spf1 +ip4:192.0.2.0/24 ip6:2001:db8::1 a include:more.test -all"']),
    ],
)
def test_questions(salt: Loader, function: str, host: str, options: Dict[str, Any], expected: Any) -> None:
    assert salt[f"dig.{function}"](host, nameserver=SERVER, **options) == expected


def test_senders_of_mail_even_if_domains_name_each_other(salt: Loader) -> None:
    found = salt["dig.SPF"]("test", nameserver=SERVER)
    assert set(found) == {"192.0.2.0/24", "2001:db8::1", "198.51.100.7"}


def test_no_server(salt: Loader) -> None:
    assert salt["dig.A"]("www.test", nameserver="nosuch.invalid") == []


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1", True), ("10.0.0.0/8", True), ("10.0.0.0/33", False), ("::1/64", True), ("::1/7", False),
     ("1.2.3", False), ("10.0.0.0/x", False), (5, False)],
)  # fmt: skip
def test_addresses(salt: Loader, address: Any, expected: bool) -> None:
    assert salt["dig.check_ip"](address) is expected
