"""Whatever a function does, its job has one return, in the words that Salt's users know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minion.executor import Executor, lost
from minion.loader import Loader
from transports.messages import Job

MODULE = '''
from minion.errors import CommandExecutionError, CommandNotFoundError, SaltInvocationError

__outputter__ = {"states": "highstate"}

def ping():
    """Says yes."""
    return True

def echo(text):
    """Gives back."""
    return text

def keywords(**kwargs):
    return kwargs

def named(first, second=2):
    return [first, second]

def states():
    return {"result": True}

def fails_softly():
    return {"result": False}

def no_success():
    return {"success": False, "result": True}

def code(number):
    __context__["retcode"] = number
    return "done"

def no_code():
    return "clean"

def cannot():
    raise CommandExecutionError("the disk is gone")

def missing():
    raise CommandNotFoundError("widgetctl")

def wrong():
    raise SaltInvocationError("not so")

def crash():
    raise RuntimeError("boom")

def type_error():
    return len(5)

def leaves():
    raise SystemExit(3)

def maps():
    yield {"a": 1}
    yield {"b": 2}

def items():
    yield 1
    yield {"b": 2}

def nothing():
    return
    yield

def breaks_off():
    yield 1
    raise ValueError("in the middle")
'''
WAYS = {"direct_call.execute": lambda opts, data, func, args, kwargs: func(*args, **kwargs)}


class Bench:
    """An executor over the module above, and the progress that it told."""

    def __init__(self, folder: Path, pillar: dict[str, Any] | None = None, **opts: Any) -> None:
        (folder / "thing.py").write_text(MODULE)
        context: dict[str, Any] = {}
        self.functions = Loader("modules", [str(folder)], {"__context__": context})
        self.progress: list[tuple[int, Any]] = []
        self.ways: dict[str, Any] = dict(WAYS)
        self.executor = Executor(
            "box", self.functions, self.ways, opts, {}, pillar or {}, context, lambda *told: self.progress.append(told)
        )

    def run(self, fun: str, *arg: Any, **options: Any) -> Any:
        return self.executor.execute(job(fun, *arg, **options))


def job(fun: str, *arg: Any, **options: Any) -> Job:
    return Job("20260101000000000000", (fun,), (arg,), "*", user="root", options=options)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_success(bench: Bench):
    result = bench.run("thing.ping")
    assert (result.value, result.retcode, result.success, result.out) == (True, 0, True, "")
    assert (result.jid, result.id, result.fun, result.fun_args) == ("20260101000000000000", "box", "thing.ping", [])
    assert result.options == {"user": "root"}


def test_arguments(bench: Bench):
    assert bench.run("thing.named", 1, {"__kwarg__": True, "second": 5}).value == [1, 5]
    assert bench.run("thing.named", "first=a", "second=7").value == ["a", 7]


def test_publication_for_functions_that_take_anything(bench: Bench):
    value = bench.run("thing.keywords", "a=1").value
    assert value["a"] == 1
    assert (value["__pub_jid"], value["__pub_fun"], value["__pub_user"]) == (
        "20260101000000000000",
        "thing.keywords",
        "root",
    )


def test_outputter_of_the_module(bench: Bench):
    assert bench.run("thing.states").out == "highstate"


@pytest.mark.parametrize(
    ("fun", "retcode"),
    [("thing.fails_softly", 1), ("thing.no_success", 1), ("thing.states", 0)],
)
def test_result_and_success_in_the_value(bench: Bench, fun: str, retcode: int):
    result = bench.run(fun)
    assert (result.retcode, result.success) == (retcode, not retcode)


def test_retcode_of_the_context_is_that_of_one_call(bench: Bench):
    assert bench.run("thing.code", 7).retcode == 7
    assert bench.run("thing.no_code").retcode == 0
    assert bench.run("thing.code", "odd").retcode == 1


@pytest.mark.parametrize(
    ("fun", "text"),
    [
        ("thing.cannot", "ERROR: the disk is gone"),
        ("thing.missing", "Command required for 'thing.missing' not found: widgetctl"),
        ("thing.wrong", "ERROR executing 'thing.wrong': not so"),
    ],
)
def test_known_failures(bench: Bench, fun: str, text: str):
    result = bench.run(fun)
    assert (result.value, result.retcode, result.success, result.out) == (text, 1, False, "nested")


def test_wrong_arguments_show_the_documentation(bench: Bench):
    result = bench.run("thing.echo")
    first, _, rest = result.value.partition("\n")
    assert first == "Passed invalid arguments to thing.echo: echo() missing 1 required positional argument: 'text'"
    assert rest == "Gives back."
    assert result.retcode == 1


def test_unknown_keyword(bench: Bench):
    result = bench.run("thing.named", "first=1", "third=3")
    assert result.value == "ERROR executing 'thing.named': The following keyword arguments are not valid: third=3"


def test_type_error_within_the_function_shows_where(bench: Bench):
    value = bench.run("thing.type_error").value
    assert value.startswith("Passed invalid arguments to thing.type_error: object of type 'int' has no len()")
    assert "Traceback" in value and "in type_error" in value


@pytest.mark.parametrize(("fun", "error"), [("thing.crash", "RuntimeError: boom"), ("thing.leaves", "SystemExit: 3")])
def test_any_other_exception(bench: Bench, fun: str, error: str):
    result = bench.run(fun)
    assert result.value.startswith("The minion function caused an exception: Traceback")
    assert error in result.value and result.retcode == 1 and result.out == "nested"


def test_unknown_function(bench: Bench):
    result = bench.run("thing.nothing_such")
    assert (result.value, result.retcode) == ("'thing.nothing_such' is not available.", 1)
    assert bench.run("other.fun").value == "'other.fun' is not available."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def __virtual__():\n    return False, 'no widget'\n", "no widget"),
        ("def __virtual__():\n    raise RuntimeError('no luck')\n", "RuntimeError: no luck"),
        ("import no_such_library\n", "No module named 'no_such_library'"),
        ("def a(:\n", "invalid syntax (misfit.py, line 1)"),
    ],
)
def test_module_that_does_not_fit(bench: Bench, tmp_path: Path, text: str, reason: str):
    (tmp_path / "misfit.py").write_text(text)
    bench.functions.refresh()
    assert bench.run("misfit.a").value == f"'misfit' __virtual__ returned False: {reason}"


def test_unknown_function_shows_what_is_near(bench: Bench, tmp_path: Path):
    (tmp_path / "sys.py").write_text("def doc(glob):\n    return {'thing.ping': 'Says yes.'}\n")
    bench.functions.refresh()
    assert bench.run("thing.pin").value == {"thing.ping": "Says yes.", "thing.pin": "'thing.pin' is not available."}


class TestGenerators:
    def test_maps_become_one(self, bench: Bench):
        assert bench.run("thing.maps").value == {"a": 1, "b": 2}
        assert bench.progress == [(0, {"a": 1}), (1, {"b": 2})]

    def test_others_become_a_list(self, bench: Bench):
        assert bench.run("thing.items").value == [1, {"b": 2}]

    def test_empty(self, bench: Bench):
        assert bench.run("thing.nothing").value == {}

    def test_one_that_fails_midway(self, bench: Bench):
        result = bench.run("thing.breaks_off")
        assert "in the middle" in result.value and bench.progress == [(0, 1)]


class TestSeveralFunctions:
    def run(self, bench: Bench, *fun: str) -> Any:
        return bench.executor.execute(Job("20260101000000000000", fun, tuple(() for _ in fun), "*", several=True))

    def test_results_by_function(self, bench: Bench):
        result = self.run(bench, "thing.ping", "thing.cannot", "no.such")
        assert result.value["thing.ping"] is True and result.value["thing.cannot"].startswith("ERROR")
        assert result.retcode == {"thing.ping": 0, "thing.cannot": 1, "no.such": 1}
        assert result.success == {"thing.ping": True, "thing.cannot": False, "no.such": False}
        assert result.fun == ("thing.ping", "thing.cannot", "no.such")

    def test_a_retcode_does_not_spill_over(self, bench: Bench):
        several = Job("20260101000000000000", ("thing.code", "thing.ping"), ((4,), ()), "*", several=True)
        assert bench.executor.execute(several).retcode == {"thing.code": 4, "thing.ping": 0}

    def test_failure_of_one_of_two_calls_shows(self, bench: Bench):
        several = Job("20260101000000000000", ("thing.code", "thing.code"), ((4,), (0,)), "*", several=True)
        assert bench.executor.execute(several).retcode == {"thing.code": 4}


class TestWaysToCall:
    def test_first_result_wins(self, bench: Bench):
        bench.ways["never.execute"] = lambda *call: None
        bench.ways["always.execute"] = lambda *call: "instead"
        assert bench.run("thing.ping", module_executors=["never", "always", "direct_call"]).value == "instead"

    def test_a_single_name(self, bench: Bench):
        bench.ways["always.execute"] = lambda *call: "instead"
        assert bench.run("thing.ping", module_executors="always").value == "instead"

    def test_unknown(self, bench: Bench):
        assert "Executor 'odd' is not available" in bench.run("thing.ping", module_executors=["odd"]).value

    def test_not_a_list(self, bench: Bench):
        assert "Wrong executors specification" in bench.run("thing.ping", module_executors={"a": 1}).value

    def test_sudo_user_replaces_the_last(self, tmp_path: Path):
        bench = Bench(tmp_path, sudo_user="joe")
        bench.ways["sudo.execute"] = lambda *call: "as joe"
        assert bench.run("thing.ping").value == "as joe"

    def test_data_names_the_function(self, bench: Bench):
        bench.ways["look.execute"] = lambda opts, data, func, args, kwargs: [data["fun"], data["jid"], args]
        found = bench.run("thing.echo", "x", module_executors=["look"]).value
        assert found == ["thing.echo", "20260101000000000000", ["x"]]


class TestBlackout:
    def test_refuses_all_but_the_allowed(self, tmp_path: Path):
        bench = Bench(tmp_path, {"minion_blackout": True, "minion_blackout_whitelist": ["thing.echo"]})
        assert "Minion in blackout mode" in bench.run("thing.ping").value
        assert bench.run("thing.echo", "x").value == "x"

    def test_off(self, tmp_path: Path):
        assert Bench(tmp_path, {"minion_blackout": False}).run("thing.ping").value is True


def test_metadata_and_master_come_back(bench: Bench):
    result = bench.run("thing.ping", metadata={"a": 1}, master_id="m", ret_config="x")
    assert result.options == {"metadata": {"a": 1}, "master_id": "m", "user": "root"}


def test_metadata_that_is_no_map_is_left_out(bench: Bench):
    assert "metadata" not in bench.run("thing.ping", metadata="text").options


def test_lost_job():
    result = lost(job("thing.ping"), "box", "it was killed")
    assert (result.value, result.retcode, result.success) == ("it was killed", 1, False)
    several = Job("20260101000000000000", ("a.b", "c.d"), ((), ()), "*", several=True)
    assert lost(several, "box", "gone").value == {"a.b": "gone", "c.d": "gone"}
