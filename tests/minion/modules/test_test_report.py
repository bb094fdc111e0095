from __future__ import annotations

from pathlib import Path

import pytest

from minion.loader import Loader
from tests.minion.conftest import make_modules
from transports import SALT_VERSION, __version__


@pytest.fixture
def own(tmp_path: Path) -> Loader:
    """A few modules of different files."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name, virtual in (
        ("fruit_apple", "fruit"),
        ("fruit_pear", "fruit"),
        ("toolpkg", "tool"),
        ("toolpkg_more", "tool"),
        ("cmdmod", "cmd"),
        ("cmd_more", "cmd"),
    ):
        (folder / f"{name}.py").write_text(f"__virtualname__ = {virtual!r}\ndef {name}():\n    return 1\n")
    (folder / "absent.py").write_text("def __virtual__():\n    return False, 'why'\n")
    salt = make_modules(tmp_path, pillar={"password": "s3cret"})
    salt.folders.insert(0, str(folder))
    salt.refresh()
    return salt


def test_provider_is_the_family_of_files(own: Loader) -> None:
    assert own["test.provider"]("fruit") == "fruit"
    assert own["test.provider"]("tool") == "toolpkg"
    assert own["test.provider"]("test") == "test"
    assert own["test.provider"]("nothing") == ""
    assert own["test.providers"]()["toolpkg"] == "tool"


def test_not_loaded(own: Loader) -> None:
    missing = own["test.not_loaded"]()
    assert "absent" in missing
    assert not {"fruit_apple", "toolpkg", "test"} & set(missing)


def test_module_report(own: Loader) -> None:
    report = own["test.module_report"]()
    assert {"test.ping", "fruit.fruit_pear"} <= set(report["functions"])
    assert "fruit" in report["modules"]
    assert report["function_attrs"] == report["function_subs"] == report["functions"]
    assert report["missing_attrs"] == report["missing_subs"] == []


def test_versions(own: Loader) -> None:
    assert own["test.versions"]() == own["test.versions_report"]()
    assert __version__ in own["test.versions"]()
    information = own["test.versions_information"]()
    assert information["Salt Version"] == {"Salt": SALT_VERSION, "Saltern": __version__}
    assert "PyYAML" in information["Dependency Versions"]


def test_options_hide_the_pillar(own: Loader) -> None:
    assert own["test.get_opts"]()["pillar"] == {"password": "**********"}
    package = own["test.opts_pkg"]()
    assert package["grains"]["os"] == "Debian"
    assert "s3cret" not in str(package)
