"""Data to print: name -> (outputter, data, options that differ from the defaults)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Dict, Mapping, Tuple

Case = Tuple[str, Any, Mapping[str, Any]]

SHAPES: Dict[str, Any] = {
    "true": {"web": True},
    "false": {"web": False},
    "none": {"web": None},
    "text": {"web": "hello"},
    "empty-text": {"web": ""},
    "blank-text": {"web": "   "},
    "lines": {"web": "one\ntwo\n\n  three\n"},
    "carriage-returns": {"web": "one\r\ntwo\rthree"},
    "unicode": {"web": "Grüße, 世界 ✓ 🎉", "wéb": {"ключ": "значение"}},
    "int": {"web": 42},
    "negative": {"web": -7},
    "float": {"web": 0.1},
    "big-float": {"web": 1e22},
    "list": {"web": ["a", 1, None, True, 2.5]},
    "empty-list": {"web": []},
    "empty-map": {"web": {}},
    "map": {"web": {"b": 1, "a": "x", "c": None}},
    "deep": {"web": {"a": {"b": {"c": ["d", {"e": "f", "g": []}], "h": {}}}}},
    "list-of-maps": {"web": [{"a": 1, "b": 2}, {"a": 3}, {}]},
    "list-of-lists": {"web": [["a", "b"], ["c", ["d", "e"]], []]},
    "map-of-lists": {"web": {"x": ["1", "2"], "y": [], "z": [["n"]]}},
    "list-of-lines": {"web": ["one\ntwo", "three\nfour"]},
    "tuple": {"web": ("a", ("b", "c"))},
    "number-keys": {"web": {1: "a", 2: {"x": 1}}},
    "mixed-keys": {"web": {1: "a", "b": 2, None: 3}},
    "ordered": {"web": OrderedDict([("z", 1), ("a", OrderedDict([("y", 2), ("b", 3)]))])},
    "two-minions": {"web": True, "db": {"a": 1}},
    "esc": {"web": "\x1b[31mred\x1b[0m", "\x1b]0;title": "x"},
    "separators": {"web": "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g"},
    "just-text": "No minions matched the target",
    "just-list": ["db", "web"],
    "just-none": None,
    "just-number": 3,
    "empty": {},
    "yaml-words": {"web": ["yes", "no", "null", "1", "0x10", "1e3", "2024-01-02", "a: b", "- x", "#", "", "@", "~"]},
    "long": {"web": " ".join(["word"] * 60), "list": list(range(60))},
    "quotes": {"web": 'it\'s "quoted" \\ back'},
    "indented": {"web": "  leading\n    more\n"},
    "tabs": {"web": "a\tb\n\tc"},
}

STATES: Dict[str, Any] = {
    "file_|-conf_|-/etc/x_|-managed": {
        "name": "/etc/x",
        "result": True,
        "comment": "File /etc/x updated",
        "changes": {"diff": "--- \n+++ \n@@ -1 +1 @@\n-a\n+b\n", "mode": "0644"},
        "start_time": "10:00:00.000001",
        "duration": 12.5,
        "__run_num__": 1,
        "__id__": "conf",
        "__sls__": "web",
    },
    "pkg_|-vim_|-vim_|-installed": {
        "name": "vim",
        "result": True,
        "comment": "All specified packages are already installed",
        "changes": {},
        "start_time": "10:00:01.000001",
        "duration": 800.123,
        "__run_num__": 0,
        "__id__": "vim",
        "__sls__": "web",
    },
    "cmd_|-boom_|-false_|-run": {
        "name": "false",
        "result": False,
        "comment": 'Command "false" run\nsecond line\n',
        "changes": {"pid": 1, "retcode": 1, "stderr": "", "stdout": "one\ntwo"},
        "start_time": "10:00:02.000001",
        "duration": 401.5,
        "warnings": [
            "This is deprecated and the sentence about it is so long that it must be wrapped somewhere.",
            "two",
        ],
        "__run_num__": 2,
        "__id__": "boom",
        "__sls__": "web",
    },
    "service_|-nginx_|-nginx_|-running": {
        "name": "nginx",
        "result": None,
        "comment": "Service nginx is set to start",
        "changes": {},
        "start_time": "10:00:03.000001",
        "duration": 1.25,
        "__run_num__": 3,
        "__id__": "nginx",
        "__sls__": "web",
    },
    "test_|-par_|-par_|-nop": {
        "name": "par",
        "result": True,
        "comment": ["a", "b"],
        "changes": {},
        "start_time": "10:00:04.000001",
        "duration": 99.0,
        "__parallel__": True,
        "__run_num__": 4,
        "__id__": "par",
        "__sls__": "web",
    },
}

GOOD = {tag: state for tag, state in STATES.items() if state["result"] is True}

NAMES = {
    f"cmd_|-many_|-{name}_|-run": {
        "name": name,
        "result": name != "false",
        "comment": f"Command {name} run",
        "changes": {"retcode": 0} if name != "c" else {},
        "start_time": f"10:00:0{number}.000001",
        "duration": 1.5 + number,
        "__run_num__": number,
        "__id__": "many",
        "__sls__": "x",
    }
    for number, name in enumerate(["a", "b", "false", "c", "d"])
}

ORCHESTRATION = {
    "boss_master": {
        "salt_|-step_|-step_|-state": {
            "name": "step",
            "result": False,
            "comment": "Run failed on minions: web",
            "changes": {"out": "highstate", "ret": {"web": STATES, "db": ["Rendering SLS 'x' failed"], "old": False}},
            "start_time": "10:00:00.000001",
            "duration": 2000.5,
            "__jid__": "20240101000000000000",
            "__run_num__": 0,
            "__id__": "step",
            "__sls__": "orch",
        },
        "salt_|-ping_|-test.ping_|-function": {
            "name": "test.ping",
            "result": True,
            "comment": "Function ran successfully. Function test.ping ran on web.",
            "changes": {"out": "highstate", "ret": {"web": True, "db": "text\nof two lines"}},
            "start_time": "10:00:01.000001",
            "duration": 10.5,
            "__run_num__": 1,
            "__id__": "ping",
            "__sls__": "orch",
        },
        "salt_|-fun_|-cmd.run_|-function": {
            "name": "cmd.run",
            "result": True,
            "comment": "Function ran successfully.",
            "changes": {"ret": {"web": "out\nput"}},
            "start_time": "10:00:02.000001",
            "duration": 11,
            "__run_num__": 2,
            "__id__": "fun",
            "__sls__": "orch",
        },
        "salt_|-again_|-state.orchestrate_|-runner": {
            "name": "state.orchestrate",
            "result": True,
            "comment": "Runner function 'state.orchestrate' executed.",
            "changes": {"return": {"data": {"boss_master": GOOD}, "outputter": "highstate", "retcode": 0}},
            "start_time": "10:00:03.000001",
            "duration": 12,
            "__run_num__": 3,
            "__id__": "again",
            "__sls__": "orch",
        },
    },
    "retcode": 1,
}

RUNS: Dict[str, Any] = {
    "states": {"web": STATES},
    "good": {"web": GOOD},
    "two": {"web": GOOD, "db": STATES},
    "errors": {"web": ["Rendering SLS 'base:x' failed: mapping values are not allowed here; line 2", "second"]},
    "esc-errors": {"web": ["bad \x1b[31m thing"]},
    "no-states": {"web": {}},
    "text": {"web": "Minion did not return. [No response]"},
    "true": {"web": True},
    "none": {"web": None},
    "no-order": {"web": {"a": {"x": 1}, "changes": {"y": 2}, "b": {"z": 3}, "n": 5}},
    "empty": {},
    "just-text": "nothing here",
    "just-none": None,
    "just-list": ["a"],
    "just-number": 5,
    "no-changes-key": {"web": {"a_|-b_|-c_|-d": {"result": True, "comment": "", "__run_num__": 0}}},
    "bad-changes": {
        "web": {"a_|-b_|-c_|-d": {"result": True, "comment": "", "__run_num__": 0, "changes": ["x"], "name": "c"}}
    },
    "data-list": {
        "web": {
            "a_|-b_|-b_|-d": {"result": True, "comment": "c", "__run_num__": 0, "changes": {}, "data": ["x", 1]},
            "a_|-c_|-c_|-d": {"result": True, "comment": "c", "__run_num__": 1, "changes": {}, "data": {"k": "v"}},
            "a_|-d_|-d_|-d": {"result": True, "comment": "c", "__run_num__": 2, "changes": {}, "data": 5},
        }
    },
    "many": {
        "web": {
            f"test_|-s{n}_|-s{n}_|-nop": {"result": True, "comment": "Success!", "__run_num__": n, "changes": {}}
            for n in range(120)
        }
    },
    "names": {"web": NAMES},
    "orchestration": ORCHESTRATION,
    "wrapped": {"data": {"boss_master": GOOD}, "outputter": "highstate", "retcode": 0},
    "returned": {"return": {"data": {"boss_master": GOOD}, "retcode": 0}},
    "job": {"web": {"jid": "2024", "fun": "state.orch", "return": {"data": {"boss_master": GOOD}}}},
    "no-time": {"web": {"a_|-b_|-c_|-d": {"result": True, "comment": "c", "changes": {}, "__run_num__": 0}}},
    "odd-duration": {
        "web": {
            "a_|-b_|-c_|-d": {
                "result": True,
                "comment": "c",
                "changes": {},
                "__run_num__": 0,
                "duration": "15.5 ms",
                "start_time": "10:00",
            }
        }
    },
}

RUN_OPTIONS: Dict[str, Mapping[str, Any]] = {
    "": {},
    "color": {"color": True},
    "quiet": {"state_verbose": False},
    "diff": {"state_output_diff": True},
    "no-profile": {"state_output_profile": False},
    "pct": {"state_output_pct": True},
    "compress": {"state_compress_ids": True},
    "compress-terse": {"state_compress_ids": True, "state_output": "terse_id"},
    "tabular": {"state_output": "terse", "state_tabular": True},
    "tabular-own": {"state_output": "terse", "state_tabular": "{0}{2}.{3} {1} {4}{5}", "color": True},
    "filter-terse": {"state_output": "filter", "state_output_terse": "True,None"},
    "filter-exclude": {"state_output": "filter", "state_output_exclude": ["True"]},
    "filter-arg": {"state_output": "filter_id", "arg": [{"__kwarg__": True, "exclude": "None,False"}]},
}
for form in ("full", "terse", "mixed", "changes", "filter"):
    for suffix in ("", "_id"):
        RUN_OPTIONS[form + suffix] = {"state_output": form + suffix, "color": bool(suffix)}

ROWS = [
    {"mac": "40:a6", "active": True, "moves": 0},
    {"mac": "64:16", "active": False, "moves": 12},
]
TABLES: Dict[str, Case] = {
    "maps": ("table", {"sw": {"comment": "", "out": ROWS, "result": True}}, {}),
    "maps-color": ("table", {"sw": {"comment": "", "out": ROWS, "result": True}}, {"color": True}),
    "lists": ("table", {"sw": [["a", "bb"], ["ccc", "d"]]}, {}),
    "texts": ("table", {"sw": ["a", "bb", "ccc"]}, {}),
    "numbers": ("table", {"sw": [1, 2]}, {}),
    "mixture": ("table", {"sw": ["a", ["b"]]}, {}),
    "top": ("table", [["a", "b"]], {}),
    "empty": ("table", {"sw": []}, {}),
    "labels": (
        "table",
        {"sw": {"l": {"b": "B", "a": "A"}, "r": [["1", "2"]]}},
        {"out.table.rows_key": "r", "out.table.labels_key": "l"},
    ),
    "title": ("table", {"sw": {"r": [["1", "2"]]}}, {"out.table.rows_key": "r", "out.table.title": "T"}),
    "plain": (
        "table",
        {"sw": [["a", "bb"], ["ccc", "d"]]},
        {
            "out.table.separate_rows": False,
            "out.table.justify": "left",
            "out.table.delim": "  ",
            "out.table.prefix": "> ",
            "out.table.suffix": " <",
        },
    ),
    "indented": ("table", {"sw": [["a", "bb"], ["ccc", "d"]]}, {"out.table.nested_indent": 3}),
}

KEYS: Dict[str, Case] = {
    "list": (
        "key",
        {"minions": ["b", "a"], "minions_pre": ["c"], "minions_rejected": [], "minions_denied": ["d"], "local": ["m"]},
        {},
    ),
    "finger": ("key", {"minions": {"a": "aa:bb"}, "local": {"master.pub": "cc:dd"}}, {"color": True}),
    "unknown": ("key", {"other": ["x"]}, {}),
    "multi": ("key", {"minions": ["a"]}, {"__multi_key": True}),
    "esc": ("key", {"minions_pre": ["a\x1b[2J"]}, {}),
}

CASES: Dict[str, Case] = {}
for shape, value in SHAPES.items():
    for name in ("nested", "json", "yaml", "txt", "raw", "pprint", "no_return"):
        CASES[f"{name}/{shape}"] = (name, value, {})
    CASES[f"nested/{shape}/color"] = ("nested", value, {"color": True})
    CASES[f"json/{shape}/line"] = ("json", value, {"output_indent": -1})
    CASES[f"no_return/{shape}/color"] = ("no_return", value, {"color": True})
CASES["nested/deep/failed"] = ("nested", SHAPES["deep"], {"color": True, "_retcode": 1})
CASES["nested/deep/indent"] = ("nested", SHAPES["deep"], {"nested_indent": 6})
CASES["nested/esc/through"] = ("nested", SHAPES["esc"]["web"], {"strip_colors": False})
for indent in (0, 1, 2, 8, None, "pretty"):
    CASES[f"json/deep/indent-{indent}"] = ("json", SHAPES["deep"], {"output_indent": indent})
    if isinstance(indent, int):
        CASES[f"pprint/deep/indent-{indent}"] = ("pprint", SHAPES["deep"], {"output_indent": indent})
for indent in (2, 4, 8, -1):
    for shape in ("deep", "list-of-maps", "long", "map"):
        CASES[f"yaml/{shape}/indent-{indent}"] = ("yaml", SHAPES[shape], {"output_indent": indent})
for run, value in RUNS.items():
    for variant, options in RUN_OPTIONS.items():
        if run in ("states", "names", "orchestration") or variant in ("", "compress") + ("color",) * (run != "many"):
            CASES[f"highstate/{run}/{variant}"] = ("highstate", value, options)
CASES.update({f"table/{name}": case for name, case in TABLES.items()})
CASES.update({f"key/{name}": case for name, case in KEYS.items()})
CASES["unknown/map"] = ("no_such_outputter", SHAPES["map"], {})
CASES["text/map"] = ("text", SHAPES["map"], {})
