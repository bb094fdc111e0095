"""The loaders of a job: whose modules count, what they share, and what is loaded only when it is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.minion.box import Box

SYNCED = "host/var/cache/salt/minion/extmods"


def test_modules_of_users_stand_before_ours(tmp_path: Path) -> None:
    own = tmp_path / "dir"
    box = Box(tmp_path, {"module_dirs": [str(own)], "states_dirs": [str(tmp_path / "states")]})
    box.write(
        {
            "dir/test.py": "def ping():\n    return 'from module_dirs'\n",
            "dir/mine.py": "def where():\n    return 'module_dirs'\n",
            f"{SYNCED}/modules/mine.py": "def where():\n    return 'synced'\n",
            f"{SYNCED}/utils/u.py": "def f():\n    return 'utility'\n",
            f"{SYNCED}/modules/uses.py": "def f():\n    return __utils__['u.f']()\n",
            "states/mine.py": "def present(name):\n    return {}\n",
        }
    )
    loaders = box.loaders()
    assert loaders.modules["test.ping"]() == "from module_dirs"
    assert loaders.modules["mine.where"]() == "module_dirs"
    assert loaders.modules["uses.f"]() == "utility"
    assert "test.echo" not in loaders.modules, "a file takes the place of ours of the same name"
    assert "mine.present" in loaders.states


def test_modules_can_be_switched_off(tmp_path: Path) -> None:
    loaders = Box(tmp_path, {"disable_modules": ["cmdmod"]}).loaders()
    assert "cmd.run" not in loaders.modules
    only = Box(tmp_path, {"whitelist_modules": ["test", "cp"]}).loaders().modules
    assert ("test.ping" in only, "cmd.run" in only) == (True, False)


def test_all_modules_share_their_names(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.write(
        {
            f"{SYNCED}/modules/one.py": "def f():\n    __context__['n'] = 1\n    return __pillar__\n",
            f"{SYNCED}/modules/two.py": "def f():\n    return __context__['n'], __pillar__\n",
        }
    )
    loaders = box.loaders()
    loaders.modules["one.f"]()
    with loaders.replaced(pillar={"a": 1}):
        assert loaders.modules["one.f"]() == {"a": 1}
        assert loaders.modules["two.f"]() == (1, {"a": 1})
    assert loaders.modules["two.f"]() == (1, {})


def test_a_refresh_finds_new_modules(tmp_path: Path) -> None:
    box = Box(tmp_path)
    loaders = box.loaders()
    assert "late.f" not in loaders.modules
    box.write({f"{SYNCED}/modules/late.py": "def f():\n    return 1\n"})
    loaders.refresh()
    assert loaders.modules["late.f"]() == 1


def test_nothing_is_loaded_before_it_is_called(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from minion.loaders import build_loaders\n"
        "from minion.local import LocalMaster\n"
        "opts = {'id': 'x', 'cachedir': sys.argv[2]}\n"
        "assert build_loaders(opts, {}, {}, LocalMaster(opts, {})).modules['test.ping']() is True\n"
        "print(*[name for name in ('jinja2', 'yaml', 'http.client', 'ssl', 'minion.state') if name in sys.modules])\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


def test_another_file_provides_a_module(tmp_path: Path) -> None:
    box = Box(tmp_path, {"providers": {"pkg": "chosen", "service": "systemd_service"}})
    never = "def __virtual__():\n    return False, 'not here'\n"
    box.write(
        {f"{SYNCED}/modules/chosen.py": f"{never}def version(name):\n    return '5'\ndef mine():\n    return 1\n"}
    )
    modules = box.loaders().modules
    assert (modules["pkg.version"]("x"), modules["pkg.mine"]()) == ("5", 1)
    assert "pkg.mine" in list(modules) and "chosen.mine" not in modules
    assert "service.start" in modules, "a file of ours"
    with modules.providing({"test": "chosen"}):
        assert modules["test.mine"]() == 1 and modules["test.ping"]() is True
    assert "test.mine" not in modules and modules["pkg.mine"]() == 1
