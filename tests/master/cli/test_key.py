"""`salt-key` as a process: texts, prompts, colours and exit codes are those that Salt's users know."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import pty
import socket
import stat
import subprocess
import sys
import tempfile
import threading

import pytest

from master.cli.common import switch_user
from master.keys import KeyStore, State
from master.miniondata import MinionData
from master.sessions import PublishKey, Sessions
from tests.master.rsa_keys import pem, private, public
from transports import crypto
from transports.errors import Broken
from transports.frames import Pipe

PROGRAM = [sys.executable, "-c", "from master.cli.key import main; main()"]
FINGER = crypto.fingerprint


class Lab:
    """A master's folders, and salt-key for them."""

    def __init__(self, root):
        self.root = root
        self.pki = os.path.join(root, "pki")
        self.cache = os.path.join(root, "cache")
        self.sock = os.path.join(root, "sock")
        self.store = KeyStore(self.pki)
        self.store.prepare()
        self.configure()

    def configure(self, text=""):
        with open(os.path.join(self.root, "master"), "w") as file:
            file.write(f"pki_dir: {self.pki}\ncachedir: {self.cache}\nsock_dir: {self.sock}\n")
            file.write(f"key_logfile: {self.root}/key.log\nkeysize: 2048\n{text}")

    def put(self, state, number=0, *ids, content=None):
        for minion_id in ids:
            with open(os.path.join(self.pki, state, minion_id), "w") as file:
                file.write(content or pem(number))

    def start(self, *args, **how):
        return subprocess.Popen(
            [*PROGRAM, "-c", self.root, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **how,
        )

    def run(self, *args, answer=None):
        done = subprocess.run([*PROGRAM, "-c", self.root, *args], input=answer or "", capture_output=True, text=True)
        return done.stdout, done.stderr, done.returncode

    def out(self, *args, answer=None):
        out, err, code = self.run(*args, answer=answer)
        assert (err, code) == ("", 0)
        return out

    def states(self):
        return {str(state): self.store.ids(state) for state in State if self.store.ids(state)}


@pytest.fixture
def lab():
    with tempfile.TemporaryDirectory(prefix="key") as folder:  # paths of Unix sockets must be short
        yield Lab(folder)


@pytest.fixture
def full(lab):
    lab.put(State.ACCEPTED, 0, "acc1")
    lab.put(State.ACCEPTED, 1, "web2")
    lab.put(State.PENDING, 0, "vm1")
    lab.put(State.PENDING, 1, "vm2")
    lab.put(State.PENDING, 2, "Upper")
    lab.put(State.REJECTED, 2, "rej1")
    lab.put(State.DENIED, 1, "acc1")
    lab.put(State.DENIED, 2, "den1")
    return lab


ALL = """\
Accepted Keys:
acc1
web2
Denied Keys:
acc1
den1
Unaccepted Keys:
Upper
vm1
vm2
Rejected Keys:
rej1
"""


class TestLooking:
    def test_no_keys(self, lab):
        assert lab.out("-L") == "Accepted Keys:\nDenied Keys:\nUnaccepted Keys:\nRejected Keys:\n"

    def test_a_missing_pki_folder_has_no_keys(self, lab):
        lab.configure(f"pki_dir: {lab.root}/none\n")
        assert lab.out("-L").startswith("Accepted Keys:\nDenied")
        assert not os.path.exists(f"{lab.root}/none")

    @pytest.mark.parametrize("args", [(), ("-L",), ("--list=all",), ("stray", "words")])
    def test_all(self, full, args):
        assert full.out(*args) == ALL

    @pytest.mark.parametrize(
        ("word", "text"),
        [
            ("accepted", "Accepted Keys:\nacc1\nweb2\n"),
            ("pre", "Unaccepted Keys:\nUpper\nvm1\nvm2\n"),
            ("un", "Unaccepted Keys:\nUpper\nvm1\nvm2\n"),
            ("rej", "Rejected Keys:\nrej1\n"),
            ("denied", "Denied Keys:\nacc1\nden1\n"),
        ],
    )
    def test_some(self, full, word, text):
        assert full.out("-l", word) == text

    def test_json(self, full):
        assert json.loads(full.out("--out=json", "-L")) == {
            "minions_pre": ["Upper", "vm1", "vm2"],
            "minions_rejected": ["rej1"],
            "minions": ["acc1", "web2"],
            "minions_denied": ["acc1", "den1"],
        }
        assert full.out("-l", "acc", "--out", "json", "--out-indent", "-1") == '{"minions": ["acc1", "web2"]}\n'

    def test_other_outputters(self, full):
        assert full.out("-l", "acc", "--out=nested") == "minions:\n    - acc1\n    - web2\n"
        assert full.out("-l", "acc", "--out=yaml") == "minions:\n- acc1\n- web2\n"

    def test_colours_on_a_terminal_or_if_asked_for(self, full):
        green = "\x1b[0;1;32mAccepted Keys:\x1b[0;0m\n\x1b[0;32macc1\x1b[0;0m\n\x1b[0;32mweb2\x1b[0;0m\n"
        assert full.out("--force-color", "-l", "acc") == green
        assert full.out("-l", "acc") == "Accepted Keys:\nacc1\nweb2\n"
        ours, theirs = pty.openpty()
        subprocess.run([*PROGRAM, "-c", full.root, "-l", "acc"], stdout=theirs, stderr=theirs, check=True)
        os.close(theirs)
        assert os.read(ours, 4096).decode().replace("\r\n", "\n") == green
        os.close(ours)

    def test_what_a_name_does_to_a_terminal(self, lab):
        lab.put(State.PENDING, 0, "a\x1b[2Jb")
        assert "\x1b" not in lab.out("-L")
        assert "\x1b" not in lab.out("-y", "-d", "a*")

    def test_into_a_file(self, full):
        path = os.path.join(full.root, "out")
        assert full.out("-l", "rej", f"--out-file={path}") == ""
        assert full.out("-l", "rej", f"--out-file={path}", "--out-file-append") == ""
        with open(path) as file:
            assert file.read() == "Rejected Keys:\nrej1\n" * 2

    def test_fingerprints_are_those_that_minions_print(self, full):
        assert full.out("-f", "vm1") == f"Unaccepted Keys:\nvm1:  {FINGER(public(0))}\n"
        assert full.out("-f", "acc*") == (
            f"Accepted Keys:\nacc1:  {FINGER(public(0))}\nDenied Keys:\nacc1:  {FINGER(public(1))}\n"
        )
        assert full.out("-f", "vm1", "--hash-type=md5") == f"Unaccepted Keys:\nvm1:  {FINGER(public(0), 'md5')}\n"
        assert full.out("-f", "nobody") == ""

    def test_all_fingerprints_begin_with_the_masters(self, full):
        crypto_pem = crypto.private_pem(private(100))
        for name, content in (("mm.pem", crypto_pem), ("mm.pub", pem(100).encode() + b"\n")):
            with open(os.path.join(full.pki, name), "wb") as file:
                file.write(content)
            os.symlink(name, os.path.join(full.pki, name.replace("mm", "master")))
        lines = full.out("-F").splitlines()
        assert lines[0] == "Local Keys:"
        assert lines[1].startswith("mm.pem:  ")
        assert lines[2] == f"mm.pub:  {FINGER(public(100))}"
        assert lines[3] == "Accepted Keys:"
        assert json.loads(full.out("-F", "--out=json"))["minions_rejected"] == {"rej1": FINGER(public(2))}

    def test_a_file_that_is_no_key_is_named_as_such(self, lab):
        lab.put(State.PENDING, 0, "bad", content="garbage")
        assert "not usable" in lab.out("-f", "bad")

    def test_printing(self, full):
        assert full.out("-p", "vm1") == f"Unaccepted Keys:\nvm1:  {pem(0)}\n"
        assert json.loads(full.out("-P", "--out=json"))["minions"] == {"acc1": pem(0), "web2": pem(1)}
        assert full.out("-p", "nobody") == ""

    def test_the_first_action_in_salts_order_wins(self, full):
        assert full.out("-l", "acc", "-d", "vm1", "-y").startswith("Accepted Keys:")
        assert full.out("-f", "vm1", "-a", "vm1", "-y").endswith("Key for minion vm1 accepted.\n")


class TestAccepting:
    def test_it_shows_what_will_be_accepted_and_asks(self, full):
        shown = "The following keys are going to be accepted:\nUnaccepted Keys:\nvm2\nProceed? [n/Y] "
        assert full.out("-a", "vm2", answer="n\n") == shown
        assert full.states()["minions_pre"] == ["Upper", "vm1", "vm2"]
        assert full.out("-a", "vm2", answer="y\n") == shown + "Key for minion vm2 accepted.\n"
        assert full.states()["minions"] == ["acc1", "vm2", "web2"]

    @pytest.mark.parametrize(("answer", "done"), [("\n", True), ("Yes\n", True), ("maybe\n", False), ("N\n", False)])
    def test_enter_means_yes(self, full, answer, done):
        assert ("accepted.\n" in full.out("-a", "vm1", answer=answer)) is done

    def test_all_that_wait(self, full):
        assert full.out("-A", "-y") == (
            "The following keys are going to be accepted:\nUnaccepted Keys:\nUpper\nvm1\nvm2\n"
            "Key for minion Upper accepted.\nKey for minion vm1 accepted.\nKey for minion vm2 accepted.\n"
        )
        assert "minions_pre" not in full.states()

    def test_globs_and_commas(self, full):
        full.out("-y", "-a", "vm1,U*")
        assert full.states()["minions_pre"] == ["vm2"]

    def test_json(self, full):
        assert full.out("--out=json", "-y", "-a", "vm1") == (
            "The following keys are going to be accepted:\n"
            '{\n    "minions_pre": [\n        "vm1"\n    ]\n}\n'
            "Key for minion vm1 accepted.\n"
        )

    @pytest.mark.parametrize(
        ("args", "text"),
        [
            (("-a", "acc*"), "The key glob 'acc*' does not match any unaccepted keys.\n"),
            (
                ("-a", "acc1", "--include-all"),
                "The key glob 'acc1' does not match any unaccepted or rejected keys.\n",
            ),
            (
                ("-a", "web2", "--include-rejected", "--include-denied"),
                "The key glob 'web2' does not match any unaccepted, rejected or denied keys.\n",
            ),
            (("-r", "rej1"), "The key glob 'rej1' does not match any unaccepted keys.\n"),
            (
                ("-r", "rej1", "--include-all"),
                "The key glob 'rej1' does not match any unaccepted or accepted keys.\n",
            ),
            (("-d", "nobody", "-y"), "The key glob 'nobody' does not match any unaccepted keys.\n"),
        ],
    )
    def test_nothing_that_matches(self, full, args, text):
        assert full.out(*args) == text

    def test_rejected_and_denied_ones_if_included(self, full):
        full.out("-y", "-a", "rej1", "--include-rejected")
        out = full.out("-y", "-a", "*", "--include-denied")
        assert "Denied Keys:\nacc1\nden1\nUnaccepted Keys:\n" in out
        assert full.states() == {"minions": ["acc1", "den1", "rej1", "Upper", "vm1", "vm2", "web2"]}
        assert full.store.accepted("acc1") == public(1)

    def test_not_if_the_key_changed_after_it_was_shown(self, full):
        process = full.start("-a", "vm*")
        shown = "".join(process.stdout.readline() for _ in range(4))
        assert shown.endswith("vm1\nvm2\n")
        full.store.delete("vm1")
        full.put(State.PENDING, 5, "vm1")
        out, err = process.communicate("y\n", 30)
        assert out.removeprefix("Proceed? [n/Y] ") == "Key for minion vm2 accepted.\n"
        assert "vm1 is not the one that was shown" in err
        assert process.returncode == 1
        assert full.states()["minions_pre"] == ["Upper", "vm1"]

    def test_only_with_the_fingerprint_that_is_named(self, full):
        out, err, code = full.run("-y", "-a", "vm1", "--fingerprint", FINGER(public(1)))
        assert (code, "vm1 is not the one" in err, "accepted." in out) == (1, True, False)
        full.out("-y", "-a", "vm1", "--fingerprint", FINGER(public(0)).upper())

    def test_what_is_no_key_is_not_accepted(self, full):
        full.put(State.PENDING, 0, "bad", content="garbage")
        out, err, code = full.run("-A", "-y")
        assert err == "Unable to accept invalid key for bad.\n"
        assert code == 1
        assert out.endswith(
            "Key for minion Upper accepted.\nKey for minion vm1 accepted.\nKey for minion vm2 accepted.\n"
        )
        assert full.states()["minions_pre"] == ["bad"]
        assert full.run("-A", "-y", "-q")[1:] == ("", 1)

    def test_with_nobody_to_ask_nothing_is_done(self, full):
        out, err, code = full.run("-a", "vm1")
        assert out.endswith("Proceed? [n/Y] ")
        assert "--yes" in err
        assert code == 1
        assert "vm1" in full.states()["minions_pre"]

    def test_of_a_pending_and_a_denied_key_the_pending_one(self, full):
        full.put(State.DENIED, 3, "vm1")
        out, err, code = full.run("-y", "-a", "vm1", "--include-denied")
        assert (out.count("accepted."), code) == (1, 1)
        assert "vm1 has several keys" in err
        assert full.store.accepted("vm1") == public(0)
        assert full.store.has("vm1", State.DENIED)


class TestRejectingAndDeleting:
    def test_reject(self, full):
        assert full.out("-r", "vm1", answer="\n") == (
            "The following keys are going to be rejected:\nUnaccepted Keys:\nvm1\nProceed? [n/Y] "
            "Key for minion vm1 rejected.\n"
        )
        full.out("-R", "-y")
        full.out("-y", "-r", "acc1", "--include-accepted")
        full.out("-y", "-r", "den1", "--include-denied")
        assert full.states() == {
            "minions": ["web2"],
            "minions_denied": ["acc1"],
            "minions_rejected": ["acc1", "den1", "rej1", "Upper", "vm1", "vm2"],
        }

    def test_delete_all_asks_and_enter_means_no(self, lab):
        lab.put(State.ACCEPTED, 0, "vm2")
        lab.put(State.PENDING, 0, "vm1")
        shown = (
            "The following keys are going to be deleted:\nAccepted Keys:\nvm2\nUnaccepted Keys:\nvm1\nProceed? [N/y] "
        )
        assert lab.out("-D", answer="\n") == shown
        assert lab.out("-D", answer="y\n") == shown + "Key for minion vm1 deleted.\nKey for minion vm2 deleted.\n"
        assert lab.states() == {}

    def test_delete_takes_a_name_from_everywhere(self, full):
        assert full.out("-y", "-d", "acc1").count("Key for minion acc1 deleted.") == 2
        full.out("-y", "-d", "v*,den1")
        assert full.states() == {"minions": ["web2"], "minions_pre": ["Upper"], "minions_rejected": ["rej1"]}

    def test_delete_all_takes_no_names(self, full):
        out, err, code = full.run("-y", "-D", "vm1")
        assert (out, code) == ("", 1)
        assert err == "Error: Delete all takes no arguments. Use -d to delete specified keys\n"
        assert full.states()["minions_pre"] == ["Upper", "vm1", "vm2"]

    @pytest.mark.parametrize("args", [("-d", "web2"), ("-r", "web2", "--include-accepted")])
    def test_without_a_master_nothing_is_left_for_a_later_machine(self, full, args):
        auth = os.path.join(full.cache, "auth")
        sessions, data = Sessions(auth), MinionData(os.path.join(full.cache, "by_minion"))
        shared = PublishKey(auth, private(100))
        before = shared.key().text
        for minion_id in ("web2", "acc1"):
            sessions.ensure(minion_id, "f")
            data.store_grains(minion_id, {"os": "Debian"})
        full.out("-y", *args)
        assert sessions.find("web2") is None
        assert data.grains("web2") is None
        assert sessions.find("acc1") is not None
        assert shared.key().text != before

    def test_a_denied_record_can_go_without_a_trace(self, full):
        sessions = Sessions(os.path.join(full.cache, "auth"))
        sessions.ensure("den1", "f")
        full.out("-y", "-d", "den1")
        assert sessions.find("den1") is not None

    def test_options_that_spare_the_key_and_the_data(self, full):
        auth = os.path.join(full.cache, "auth")
        data, shared = MinionData(os.path.join(full.cache, "by_minion")), PublishKey(auth, private(100))
        before = shared.key().text
        data.store_grains("web2", {"os": "Debian"})
        full.out("-y", "-d", "web2", "--preserve-minions=True", "--rotate-aes-key=False")
        assert data.grains("web2") == {"os": "Debian"}
        assert shared.key().text == before


class Master(threading.Thread):
    """Answers the control socket; keeps what it was told."""

    def __init__(self, folder, answers=True):
        super().__init__(daemon=True)
        os.makedirs(folder, 0o700)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.path.join(folder, "control.sock"))
        self._listener.listen()
        self._answers, self.told = answers, []
        self.start()

    def run(self):
        connection, _ = self._listener.accept()
        pipe = Pipe(connection)
        self.told.append(pipe.receive(10))
        if self._answers:
            pipe.send({"ok": True})
        try:
            pipe.receive(10)
        except Broken:
            pipe.close()
        self._listener.close()


class TestTellingTheMaster:
    def test_what_changed_is_announced(self, full):
        master = Master(full.sock)
        full.out("-y", "-d", "acc1,vm1")
        master.join(10)
        (told,) = master.told
        assert told["cmd"] == "keys_changed"
        assert [(one["id"], one["act"], one["result"], one["state"]) for one in told["changes"]] == [
            ("vm1", "delete", True, "minions_pre"),
            ("acc1", "delete", True, "minions"),
            ("acc1", "delete", True, "minions_denied"),
        ]

    def test_a_replaced_key_is_announced_as_deleted_first(self, full):
        master = Master(full.sock)
        full.out("-y", "-a", "acc1", "--include-denied")
        master.join(10)
        assert [one["act"] for one in master.told[0]["changes"]] == ["delete", "accepted"]

    def test_nothing_is_announced_if_nothing_changed(self, full):
        os.makedirs(full.sock)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.join(full.sock, "control.sock"))
            listener.listen()
            listener.setblocking(False)
            full.out("-L")
            full.out("-a", "vm1", answer="n\n")
            with pytest.raises(BlockingIOError):
                listener.accept()

    def test_one_that_does_not_answer_is_not_waited_for_long(self, full):
        sessions = Sessions(os.path.join(full.cache, "auth"))
        sessions.ensure("web2", "f")
        master = Master(full.sock, answers=False)
        full.out("-y", "-d", "web2")
        master.join(10)
        assert master.told
        assert sessions.find("web2") is None


def private_key(path):
    with open(path, "rb") as file:
        return crypto.load_private(file.read())


class TestMakingKeys:
    def test_a_pair(self, lab):
        folder = os.path.join(lab.root, "new")
        out = lab.out("--gen-keys=web9", f"--gen-keys-dir={folder}", "--keysize=2048")
        key = private_key(os.path.join(folder, "web9.pem"))
        assert out == f"return:\n    {FINGER(key.public_key())}\n"
        assert key.key_size == 2048
        assert sorted(os.listdir(folder)) == ["web9.pem", "web9.pub"]
        assert stat.S_IMODE(os.stat(os.path.join(folder, "web9.pem")).st_mode) == 0o400
        with open(os.path.join(folder, "web9.pub")) as file:
            assert file.read().strip() == crypto.public_pem(key.public_key())
        assert lab.out("--gen-keys=web9", f"--gen-keys-dir={folder}") == out  # an existing one is kept

    def test_not_elsewhere(self, lab):
        assert lab.run("--gen-keys=../web9", f"--gen-keys-dir={lab.root}")[2] == 1

    def test_a_signature(self, lab):
        assert lab.run("--gen-signature")[0::2] == ("return:\n    No usable private-key found\n", 1)
        assert lab.run("--gen-signature", "--auto-create")[0::2] == ("return:\n    No usable public-key found\n", 1)
        missing = f"{lab.root}/x"
        assert (
            lab.run("--gen-signature", f"--pub={missing}")[0] == f"return:\n    Public-key {missing} does not exist\n"
        )
        assert lab.run("--gen-signature", f"--priv={missing}")[0] == (
            f"return:\n    Private-key {missing} does not exist\n"
        )
        with open(os.path.join(lab.pki, "master.pub"), "w") as file:
            file.write(pem(100) + "\n")
        assert lab.out("--gen-signature", "--auto-create") == "return:\n    True\n"
        signer = private_key(os.path.join(lab.pki, "master_sign.pem"))
        with open(os.path.join(lab.pki, "master_pubkey_signature")) as file:
            signature = base64.b64decode(file.read())
        assert crypto.verify(signer.public_key(), pem(100).encode(), signature, "PKCS1v15-SHA224")
        assert lab.run("--gen-signature")[0::2] == ("return:\n    False\n", 1)
        elsewhere = os.path.join(lab.root, "elsewhere")
        os.mkdir(elsewhere)
        lab.out("--gen-signature", f"--signature-path={elsewhere}", f"--priv={lab.pki}/master_sign.pem")
        assert os.listdir(elsewhere) == ["master_pubkey_signature"]


def accept_as(user, pki_dir, minion_id):
    switch_user(user)
    with pytest.raises(OSError):
        os.setuid(0)
    KeyStore(pki_dir).accept(minion_id)


class TestCommandLine:
    @pytest.mark.parametrize(
        ("args", "text"),
        [
            (("--no-such",), "no such option: --no-such"),
            (("-a",), "-a option requires 1 argument"),
            (("-l", "foo"), "'foo' is not a valid argument to '--list'"),
            (("--keysize=1024",), "The minimum value for keysize is 2048"),
            (("--keysize=8192",), "The maximum value for keysize is 4096"),
            (("--eauth=pam", "-L"), "external authentication is not supported: run salt-key as the master's user"),
        ],
    )
    def test_wrong_use(self, lab, args, text):
        out, err, code = lab.run(*args)
        assert (out, code) == ("", 64)
        assert err == f"Usage: salt-key [options]\n\nsalt-key: error: {text}\n"

    def test_version_and_help(self, lab):
        assert lab.out("--version").startswith("salt-key ")
        assert lab.out("-V").startswith("Salt Version:")
        assert "--include-rejected" in lab.out("-h")

    def test_a_wrong_configuration(self, lab):
        lab.configure("worker_threads: many\n")
        out, err, code = lab.run("-L")
        assert (out, code) == ("", 1)
        assert "worker_threads" in err
        assert "Traceback" not in err

    def test_a_missing_configuration_folder(self, lab):
        _, err, _ = lab.run("-c", f"{lab.root}/none", "-l", "acc")
        assert err.startswith(f"WARNING: CONFIG '{lab.root}/none' directory does not exist.")

    def test_keys_that_others_could_change_are_not_touched(self, full):
        folder = os.path.join(full.pki, "minions_pre")
        os.chmod(full.root, 0o777)
        _, err, code = full.run("-y", "-A")
        os.chmod(full.root, 0o700)
        assert code == 1
        assert f"chmod go-w {full.root}" in err
        assert sorted(os.listdir(folder)) == ["Upper", "vm1", "vm2"]

    def test_a_user_that_does_not_exist(self, lab):
        assert "no-such-user" in lab.run("-L", "--user=no-such-user")[1]

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
    def test_as_another_user(self, full):
        import pwd

        nobody = pwd.getpwnam("nobody")
        for folder, _, files in os.walk(full.root):
            for path in (folder, *(os.path.join(folder, name) for name in files)):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        child = multiprocessing.get_context("fork").Process(target=accept_as, args=("nobody", full.pki, "vm1"))
        child.start()
        child.join(30)
        assert child.exitcode == 0
        assert os.stat(os.path.join(full.pki, "minions", "vm1")).st_uid == nobody.pw_uid

    def test_a_saltfile_that_is_named(self, full):
        path = os.path.join(full.root, "Saltfile")
        with open(path, "w") as file:
            file.write("salt-key:\n  output: json\n")
        assert full.out(f"--saltfile={path}", "-l", "rej") == '{\n    "minions_rejected": [\n        "rej1"\n    ]\n}\n'
        here = subprocess.run([*PROGRAM, "-c", full.root, "-l", "rej"], cwd=full.root, capture_output=True, text=True)
        assert here.stdout == "Rejected Keys:\nrej1\n"  # one that only lies here may be anybody's

    def test_listing_loads_nothing_heavy(self, full):
        code = (
            "import sys\nfrom master.cli.key import command\n"
            f"command.main(['-c', {full.root!r}, '-L'], 'salt-key', standalone_mode=False)\n"
            "print(sorted({'cryptography', 'zmq', 'jinja2', 'asyncio', 'msgpack', 'asyncssh'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == "[]"
