"""State functions called as `state.single` does it, on the real host."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from minion.loaders import Loaders
from tests.minion.box import Box

Result = Dict[str, Any]
_NOTES = ("duration", "start_time", "__run_num__", "__id__", "__sls__")


class State:
    """Calls state functions; `state("user.present", "fred", uid=5)` is the result.

    Args:
        box: the host.
    """

    def __init__(self, box: Box) -> None:
        self.box = box
        self._loaders: Optional[Loaders] = None

    @property
    def loaders(self) -> Loaders:
        """All modules that the states see."""
        if self._loaders is None:
            self._loaders = self.box.loaders()
        return self._loaders

    def names(self, function: str) -> Dict[str, Any]:
        """The global names of the module of an execution function."""
        found: Dict[str, Any] = self.loaders.modules[function].__globals__
        return found

    @property
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """The execution functions that the states call."""
        return self.loaders.modules

    def __call__(self, fun: str, name: str, test: Optional[bool] = None, **kwargs: Any) -> Result:
        value = self.functions["state.single"](fun, name=name, test=test, **kwargs)
        assert isinstance(value, dict), value
        (result,) = value.values()
        return {key: item for key, item in result.items() if key not in _NOTES}

    def converge(self, fun: str, name: str, **kwargs: Any) -> Tuple[Result, Result, Result]:
        """The results in test mode, of a first and of a second run. The first changes something, the second nothing."""
        predicted = self(fun, name, test=True, **kwargs)
        assert predicted["result"] is None, predicted
        first = self(fun, name, **kwargs)
        assert first["result"] is True, first
        assert first["changes"], first
        second = self(fun, name, **kwargs)
        assert second["result"] is True, second
        assert second["changes"] == {}, second
        again = self(fun, name, test=True, **kwargs)
        assert (again["result"], again["changes"]) == (True, {}), again
        return predicted, first, second

    def fails(self, fun: str, name: str, **kwargs: Any) -> str:
        """The comment of a call that fails and changes nothing."""
        result = self(fun, name, **kwargs)
        assert result["result"] is False, result
        assert result["changes"] == {}, result
        return str(result["comment"])
