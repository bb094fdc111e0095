"""Packages, tiny ones, by a dpkg and an APT that work below a scratch root."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from tests.minion.states import debs
from tests.minion.states.calls import State
from tests.minion.states.debs import ONE, TWO, Repository


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    debs.need_apt()
    made = Repository(tmp_path_factory.mktemp("repository"))
    for version in ("1.0", "1.1", "1:2.0"):
        made.add(ONE, version)
    made.add(TWO, "1.0")
    return made


@pytest.fixture(autouse=True)
def apt(state: State, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.use(monkeypatch)
    state.box.grains["osarch"] = "amd64"


def change(old: str, new: str) -> Dict[str, str]:
    return {"old": old, "new": new}


def test_installed_fetches_the_lists_first(state: State, repository: Repository) -> None:
    predicted, first, second = state.converge("pkg.installed", ONE)
    assert predicted["comment"] == f"The following packages would be installed/updated: {ONE}"
    assert first["changes"] == {ONE: change("", "1:2.0")}
    assert first["comment"] == f"The following packages were installed/updated: {ONE}"
    assert second["comment"] == "All specified packages are already installed"
    assert any("_Packages" in path.name for path in (repository.folder / "lists").iterdir())
    predicted = state("pkg.installed", "x", test=True, pkgs=[ONE, TWO])
    assert predicted["changes"] == {TWO: change("", "1.0")}


@pytest.mark.parametrize(
    ("wanted", "got"),
    [("1.0", "1.0"), ("1.*", "1.1"), (">=1.0,<1.1", "1.0"), ("latest", "1:2.0"), ("2.0", None), ("9", None)],
)
def test_versions(state: State, wanted: str, got: Any) -> None:
    state.box.call("pkg.refresh_db")
    result = state("pkg.installed", ONE, version=wanted, refresh=False)
    if got is None:
        assert f"Version '{wanted}' for '{ONE}' was not found" in result["comment"]
        assert result["result"] is False
    else:
        assert result["changes"] == {ONE: change("", got)}
        settled = state("pkg.installed", ONE, version=wanted, refresh=False)
        assert settled["comment"].startswith("All specified packages are already installed")


def test_another_version_replaces_the_one_that_is_there(state: State) -> None:
    state("pkg.installed", "x", pkgs=[{ONE: "1.0"}])
    assert state("pkg.installed", ONE, version="1.1", refresh=False)["changes"] == {ONE: change("1.0", "1.1")}
    settled = state("pkg.installed", ONE, version="1.0", refresh=False, allow_updates=True)
    assert settled["comment"] == "All specified packages are already installed and are at the desired version"
    assert state("pkg.installed", ONE, version="1.0", refresh=False)["changes"] == {ONE: change("1.1", "1.0")}
    again = state("pkg.installed", ONE, refresh=False, reinstall=True)
    assert again["comment"] == f"Package {ONE} was reinstalled."


def test_package_files(state: State, repository: Repository) -> None:
    sources = [{ONE: str(repository.folder / f"{ONE}_1.0.deb")}, {TWO: str(repository.folder / f"{TWO}_1.0.deb")}]
    predicted, first, _ = state.converge("pkg.installed", "x", sources=sources)
    assert predicted["changes"] == {ONE: change("", "installed"), TWO: change("", "installed")}
    assert first["changes"] == {ONE: change("", "1.0"), TWO: change("", "1.0")}
    assert first["comment"] == "2 targeted packages were installed/updated."
    missing = state.fails("pkg.installed", "x", sources=[{ONE: "/nowhere.deb"}])
    assert missing == "/nowhere.deb does not exist on minion"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"pkgs": [ONE], "sources": [{ONE: "/x.deb"}]}, 'Only one of "pkgs" and "sources" is permitted.'),
        ({"pkgs": [ONE, ONE]}, "contains duplicated packages names"),
        ({"sources": [ONE]}, "Invalidly formatted 'sources' parameter"),
        ({"pkg_verify": True}, "pkg.verify not implemented"),
        ({"pkgs": ["sltn-none"]}, "Unable to locate package sltn-none"),
    ],
)
def test_what_can_not_be_installed(state: State, arguments: Dict[str, Any], why: str) -> None:
    assert why in state.fails("pkg.installed", ONE, refresh=False, **arguments)


def test_holds(state: State) -> None:
    first = state("pkg.installed", ONE, version="1.0", hold=True)
    assert first["comment"].endswith(f"Package {ONE} is now being held.")
    assert first["changes"] == {ONE: change("\ninstall".strip(), "1.0\nhold")}
    released = state("pkg.installed", ONE, hold=False, refresh=False)
    assert released["changes"] == {ONE: change("hold", "install")}
    predicted, held, settled = state.converge("pkg.held", ONE)
    assert predicted["comment"] == f"The following package would be held: {ONE}"
    assert held["changes"][ONE]["changes"] == change("install", "hold")
    assert settled["comment"] == "No changes made"
    state("pkg.installed", TWO, refresh=False)
    assert set(state("pkg.held", "x", pkgs=[TWO], replace=True)["changes"]) == {ONE, TWO}
    _, released, _ = state.converge("pkg.unheld", TWO)
    assert released["comment"] == f"Package {TWO} is no longer being held."


def test_removed_and_purged(state: State, repository: Repository) -> None:
    state("pkg.installed", "x", pkgs=[ONE, TWO])
    assert state("pkg.removed", ONE, version="<2")["comment"] == (
        "All specified packages (matching specified versions) are already absent"
    )
    predicted, first, second = state.converge("pkg.removed", "x", pkgs=[ONE, "sltn-none"])
    assert predicted["comment"] == f"The following packages will be removed: {ONE}."
    assert first["changes"] == {ONE: change("1:2.0", "")}
    assert first["comment"] == (
        f"The following packages were not installed: sltn-none The following packages were removed: {ONE}."
    )
    assert second["comment"] == "All specified packages are already absent"
    _, first, second = state.converge("pkg.purged", "x", pkgs=[ONE, TWO])
    assert first["changes"] == {
        "installed": {TWO: change("1.0", "")},
        "removed": {ONE: change("1:2.0", "")},
    }
    assert first["comment"] == "All targeted packages were purged."
    assert not (repository.root / f"etc/{ONE}.conf").exists()
    assert second["comment"] == "None of the targeted packages are installed or partially installed"


def test_latest_and_uptodate(state: State) -> None:
    state("pkg.installed", "x", pkgs=[{ONE: "1.0"}, TWO])
    predicted = state("pkg.uptodate", "x", test=True)
    assert predicted["changes"] == {ONE: change("1.0", "1:2.0")}
    _, first, second = state.converge("pkg.latest", "x", pkgs=[ONE, TWO], refresh=False)
    assert first["changes"] == {ONE: change("1.0", "1:2.0")}
    assert first["comment"] == (
        f"The following packages were successfully installed/upgraded: {ONE} "
        f"The following packages were already up-to-date: {TWO}"
    )
    assert second["comment"] == f"All packages are up-to-date ({ONE}, {TWO})."
    assert state.fails("pkg.latest", "sltn-none", refresh=False) == "No information found for 'sltn-none'."
    state("pkg.installed", ONE, version="1.1", refresh=False)
    _, first, second = state.converge("pkg.uptodate", "x", pkgs=[ONE])
    assert first["changes"] == {ONE: change("1.1", "1:2.0")}
    assert second["comment"] == "System is already up-to-date"


def test_downloaded(state: State, repository: Repository) -> None:
    state.box.call("pkg.refresh_db")
    root = str(repository.folder)
    for kept in (repository.folder / "var/cache/apt/archives").glob("*.deb"):
        kept.unlink()
    predicted = state("pkg.downloaded", TWO, test=True, root=root)
    assert predicted["comment"] == f"The following packages would be downloaded: {TWO}"
    assert state("pkg.downloaded", TWO, root=root)["comment"] == f"Packages downloaded: {TWO}"
    assert state("pkg.downloaded", TWO, root=root)["comment"] == "All specified packages are already downloaded"
    assert state.fails("pkg.downloaded", "sltn-none", root=root).startswith("Problem encountered installing")


def test_where_there_are_no_groups_and_advisories(state: State) -> None:
    for function in ("group_installed", "patch_installed", "patch_downloaded"):
        assert "available" in state.fails(f"pkg.{function}", "x")


def aggregate(state: State, *chunks: Dict[str, Any], running: Any = None) -> List[Any]:
    lows = [{"state": "pkg", "fun": "installed", "__id__": chunk["name"], **chunk} for chunk in chunks]
    first = state.box.loaders().states["pkg.mod_aggregate"](lows[0], lows, running or {})
    return [first, *lows[1:]]


def test_packages_of_several_states_are_installed_at_once(state: State) -> None:
    first, second, other, held, contrary = aggregate(
        state,
        {"name": "a", "version": "1"},
        {"name": "x", "pkgs": ["b", {"c": "2"}]},
        {"name": "d", "fun": "removed"},
        {"name": "e", "hold": True},
        {"name": "a", "version": "3"},
    )
    assert first["pkgs"] == [{"a": "1"}, "b", {"c": "2"}]
    assert "version" not in first
    assert [chunk.get("__agg__") for chunk in (second, other, held, contrary)] == [True, None, None, None]
    alone, _ = aggregate(state, {"name": "a"}, {"name": "b", "fun": "latest"})
    assert "pkgs" not in alone
    files, _ = aggregate(state, {"name": "x", "sources": [{"a": "/a"}]}, {"name": "y", "sources": [{"b": "/b"}]})
    assert files["sources"] == [{"a": "/a"}, {"b": "/b"}]


def test_a_watched_change_applies_the_state_again(state: State) -> None:
    result = state("pkg.mod_watch", ONE, sfun="installed", refresh=False)
    assert result["changes"] == {ONE: change("", "1:2.0")}
    assert "does not work with the watch requisite" in state.fails("pkg.mod_watch", ONE, sfun="held")
