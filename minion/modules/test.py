"""Functions that do nothing but show that and how functions are called."""

from __future__ import annotations

import builtins
import logging
import sys
import time
import traceback
import warnings
from typing import Any, Dict, List, Optional, Sequence, Tuple

from minion import errors
from minion.errors import SaltInvocationError

__salt__: Any
__opts__: Dict[str, Any]
__context__: Dict[str, Any]

__func_alias__ = {"true_": "true", "false_": "false", "try_": "try"}

log = logging.getLogger(__name__)


def attr_call() -> Any:
    """The grains, by a function that is reached as an attribute.

    CLI Example:

    .. code-block:: bash

        salt '*' test.attr_call
    """
    return __salt__.grains.items()


def echo(text: Any) -> Any:
    """Gives back what it is given.

    Args:
        text: anything.

    CLI Example:

    .. code-block:: bash

        salt '*' test.echo 'foo bar baz quo qux'
    """
    return text


def ping() -> bool:
    """True: the minion is there and runs functions. Nothing to do with ICMP.

    CLI Example:

    .. code-block:: bash

        salt '*' test.ping
    """
    return True


def sleep(length: Any) -> bool:
    """Takes its time.

    Args:
        length: seconds.

    CLI Example:

    .. code-block:: bash

        salt '*' test.sleep 20
    """
    time.sleep(int(length))
    return True


def rand_sleep(max: int = 60) -> bool:
    """Takes some time, so that minions return one after the other.

    Args:
        max: seconds at most.

    CLI Example:

    .. code-block:: bash

        salt '*' test.rand_sleep 60
    """
    import random

    time.sleep(random.randint(0, int(max)))  # noqa: S311 - no secret
    return True


def conf_test() -> Any:
    """The value of the option `test.foo`.

    CLI Example:

    .. code-block:: bash

        salt '*' test.conf_test
    """
    return __salt__["config.option"]("test.foo")


def cross_test(func: str, args: Optional[Sequence[Any]] = None) -> Any:
    """Calls another function.

    Args:
        func: its name.
        args: its arguments.

    CLI Example:

    .. code-block:: bash

        salt '*' test.cross_test file.gid_to_group '[0]'
    """
    return __salt__[func](*(args or ()))


def kwarg(**kwargs: Any) -> Dict[str, Any]:
    """Gives back its keyword arguments, with what is known of the job.

    Args:
        kwargs: anything.

    CLI Example:

    .. code-block:: bash

        salt '*' test.kwarg num=1 txt="two" env='{a: 1, b: "hello"}'
    """
    return kwargs


def arg(*args: Any, **kwargs: Any) -> Dict[str, Any]:
    """Gives back its arguments, with what is known of the job.

    Args:
        args: anything.
        kwargs: anything.

    CLI Example:

    .. code-block:: bash

        salt '*' test.arg 1 "two" 3.1 txt="hello" wow='{a: 1, b: "hello"}'
    """
    return {"args": args, "kwargs": kwargs}


def arg_type(*args: Any, **kwargs: Any) -> Dict[str, Any]:
    """The types of its arguments.

    Args:
        args: anything.
        kwargs: anything.

    CLI Example:

    .. code-block:: bash

        salt '*' test.arg_type 1 'int'
    """
    return {
        "args": [str(type(value)) for value in args],
        "kwargs": {name: str(type(value)) for name, value in kwargs.items()},
    }


def arg_repr(*args: Any, **kwargs: Any) -> Dict[str, str]:
    """Its arguments as Python writes them.

    Args:
        args: anything.
        kwargs: anything.

    CLI Example:

    .. code-block:: bash

        salt '*' test.arg_repr 1 "two" 3.1 txt="hello" wow='{a: 1, b: "hello"}'
    """
    return {"args": repr(args), "kwargs": repr(kwargs)}


def arg_clean(*args: Any, **kwargs: Any) -> Dict[str, Any]:
    """Gives back its arguments without what is known of the job.

    Args:
        args: anything.
        kwargs: anything.

    CLI Example:

    .. code-block:: bash

        salt '*' test.arg_clean 1 "two" 3.1 txt="hello" wow='{a: 1, b: "hello"}'
    """
    return {"args": args, "kwargs": _clean(kwargs)}


def _clean(kwargs: Dict[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in kwargs.items() if not name.startswith("__")}


def fib(num: Any) -> Tuple[int, float]:
    """A Fibonacci number, and how many seconds it took to compute.

    Args:
        num: which one.

    CLI Example:

    .. code-block:: bash

        salt '*' test.fib 3
    """
    num = int(num)
    if num < 0:
        raise ValueError("Negative number is not allowed!")
    began = time.time()
    number, following = 0, 1
    for _ in range(num):
        number, following = following, number + following
    return number, time.time() - began


def collatz(start: Any) -> Tuple[List[int], float]:
    """The Collatz sequence from a number down to 1, which is left out, and how many seconds it took to compute.

    Args:
        start: the number, 1 or more.

    CLI Example:

    .. code-block:: bash

        salt '*' test.collatz 3
    """
    number = int(start)
    if number < 1:
        raise SaltInvocationError(f"test.collatz takes a number from 1 on, not {number}")
    began = time.time()
    steps = []
    while number != 1:
        steps.append(number)
        number = number * 3 + 1 if number % 2 else number // 2
    return steps, time.time() - began


def outputter(data: Any) -> Any:
    """Gives back what it is given, to see how it is printed.

    Args:
        data: anything.

    CLI Example:

    .. code-block:: bash

        salt '*' test.outputter foobar
    """
    return data


def retcode(code: Any = 42) -> bool:
    """True, in a job that counts as failed.

    Args:
        code: the return code of the job.

    CLI Example:

    .. code-block:: bash

        salt '*' test.retcode 42
    """
    __context__["retcode"] = code
    return True


def rand_str(size: int = 9999999999, hash_type: Optional[str] = None) -> str:
    """Another name of test.random_hash.

    Args:
        size: the greatest number.
        hash_type: the hash; the option `hash_type` says it otherwise.

    CLI Example:

    .. code-block:: bash

        salt '*' test.rand_str
    """
    return random_hash(size, hash_type)


def random_hash(size: int = 9999999999, hash_type: Optional[str] = None) -> str:
    """The hash of a random number.

    Args:
        size: the greatest number.
        hash_type: the hash; the option `hash_type` says it otherwise.

    CLI Example:

    .. code-block:: bash

        salt '*' test.random_hash
        salt '*' test.random_hash hash_type=sha512
    """
    import hashlib
    import random

    number = random.SystemRandom().randint(0, int(size))
    return hashlib.new(hash_type or __opts__.get("hash_type", "sha256"), str(number).encode()).hexdigest()


def exception(message: str = "Test Exception") -> None:
    """Fails with an exception.

    Args:
        message: its text.

    CLI Example:

    .. code-block:: bash

        salt '*' test.exception 'Oh noes!'
    """
    raise Exception(message)


def raise_exception(name: str, *args: Any, **kwargs: Any) -> bool:
    """Fails with an exception of a certain kind; False if there is no such kind.

    Args:
        name: of a built-in exception, or `salt.exceptions.NAME`.
        args: given to the exception.
        kwargs: given to the exception.

    CLI Example:

    .. code-block:: bash

        salt '*' test.raise_exception TypeError "An integer is required"
        salt '*' test.raise_exception salt.exceptions.CommandExecutionError "Something went wrong"
    """
    own = name.startswith("salt.exceptions.")
    kind = getattr(errors if own else builtins, name.rpartition(".")[2] if own else name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        raise kind(*args, **_clean(kwargs))
    log.error("No such exception: %s", name)
    return False


def stack() -> str:
    """The calls that led here.

    CLI Example:

    .. code-block:: bash

        salt '*' test.stack
    """
    return "".join(traceback.format_stack())


def stdout_print() -> str:
    """Writes `foo` to its standard output and gives back `bar`.

    CLI Example:

    .. code-block:: bash

        salt '*' test.stdout_print
    """
    sys.stdout.write("foo")
    return "bar"


def tty(*args: Any, **kwargs: Any) -> str:
    """Says that it is cmd.tty now.

    CLI Example:

    .. code-block:: bash

        salt '*' test.tty tty0 'This is a test'
    """
    return "ERROR: This function has been moved to cmd.tty"


def try_(module: str, return_try_exception: bool = False, **kwargs: Any) -> Any:
    """Calls a function; None if it fails, for templates in which it may.

    Args:
        module: the function.
        return_try_exception: give back the exception instead of None.
        kwargs: the function's arguments.

    CLI Example:

    .. code-block:: jinja

        {{ salt['test.try'](module='ipmi.get_users', bmc_host='172.2.2.1') | yaml(False) }}
    """
    try:
        return __salt__[module](**kwargs)
    except Exception as exc:  # noqa: BLE001 - this is what it is for
        return exc if return_try_exception else None


def assertion(assertion: Any) -> None:
    """Fails if what it is given is not true.

    Args:
        assertion: anything.

    CLI Example:

    .. code-block:: bash

        salt '*' test.assertion False
    """
    assert assertion


def true_() -> bool:
    """True, always.

    CLI Example:

    .. code-block:: bash

        salt '*' test.true
    """
    return True


def false_() -> bool:
    """False, always.

    CLI Example:

    .. code-block:: bash

        salt '*' test.false
    """
    return False


def deprecation_warning() -> bool:
    """True, with two deprecation warnings.

    CLI Example:

    .. code-block:: bash

        salt '*' test.deprecation_warning
    """
    warnings.warn("This is a test deprecation warning by version.", DeprecationWarning, stacklevel=2)
    warnings.warn("This is a test deprecation warning by date.", DeprecationWarning, stacklevel=2)
    return True
