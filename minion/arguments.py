"""What the words of a command line mean as arguments of a function, and how arguments travel.

A word `name=value` is a keyword argument. A word that spells a number, a boolean, a null, `[...]` or `{...}` in YAML
becomes that; any other word stays the text it is. Jobs carry one list: the positional arguments, and a map marked
`"__kwarg__": True` with the keywords.

YAML is imported only for words that may need it: most command lines do without.
"""

from __future__ import annotations

import re
from types import FunctionType
from typing import (
    Any,
    Callable,
    Collection,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from minion.errors import SaltInvocationError

Arguments = Tuple[List[Any], Dict[str, Any]]

_KEYWORD = re.compile(r"([^\d\W][\w.-]*)=(?!=)(.*)\n?")
_PLAIN = re.compile(r"[A-Za-z_/][\w./@+,-]*( [\w./@+,-]+)*", re.ASCII)
_VARARGS, _VARKEYWORDS = 0x04, 0x08  # flags of code objects
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_SPELLED: Dict[str, Optional[bool]] = {"~": None, "None": None}
for _value, _words in ((True, ("yes", "true", "on")), (False, ("no", "false", "off")), (None, ("null",))):
    for _word in _words:
        _SPELLED.update(dict.fromkeys((_word, _word.capitalize(), _word.upper()), _value))


def typed(word: Any) -> Any:
    """The value that a word spells; what is no text stays as it is."""
    if not isinstance(word, str):
        return word
    if word in _SPELLED:
        return _SPELLED[word]
    if _NUMBER.fullmatch(word):
        return int(word)
    if _PLAIN.fullmatch(word):
        return word
    from minion.yamlio import yamlify

    return yamlify(word)


def parse_args(words: Iterable[Any], no_parse: Collection[str] = ()) -> Arguments:
    """Positional and keyword arguments of a command line.

    Args:
        words: what the user typed; values that are no text, maps of keywords among them, are taken as they are.
        no_parse: keywords whose values stay text.
    """
    args: List[Any] = []
    kwargs: Dict[str, Any] = {}
    for word in words:
        keyword = _KEYWORD.fullmatch(word) if isinstance(word, str) else None
        if keyword:
            name, value = keyword.groups()
            kwargs[name] = value if name in no_parse else typed(value)
        elif _is_keywords(word):
            kwargs.update({name: value for name, value in word.items() if name != "__kwarg__"})
        else:
            args.append(typed(word))
    return args, kwargs


def condense(args: Iterable[Any], kwargs: Mapping[str, Any]) -> List[Any]:
    """The list that a job carries. A number of 20 digits is a job id, which is text."""
    wire = [str(arg) if isinstance(arg, int) and len(str(arg)) == 20 else arg for arg in args]
    if kwargs:
        wire.append({"__kwarg__": True, **kwargs})
    return wire


def parse_functions(
    functions: str, words: Sequence[str], separator: str = ",", no_parse: Collection[str] = ()
) -> Tuple[Union[str, List[str]], List[Any]]:
    """The function, or the list of them, that `salt` calls, and its arguments in wire form, one list for each function.

    Args:
        functions: `module.function`, several of them joined by commas.
        words: the rest of the command line.
        separator: stands between the arguments of one function and those of the next.
        no_parse: keywords whose values stay text.
    """
    if "," not in functions:
        return functions, condense(*parse_args(words, no_parse))
    names = functions.split(",")
    if list(words).count(separator) == len(names) - 1:
        groups = _split(words, separator)
    else:  # the separator may touch the arguments: `test.ping,test.echo ,hello`
        groups = _split(_detach(words, separator), separator)
    if len(groups) != len(names):
        problem = "without defining all arguments" if len(groups) < len(names) else "with more arguments than commands"
        raise SaltInvocationError(f"Cannot execute compound command {problem}.")
    return names, [condense(*parse_args(group, no_parse)) for group in groups]


def _detach(words: Iterable[str], separator: str) -> List[str]:
    detached: List[str] = []
    for word in words:
        if separator not in word:
            detached.append(word)
            continue
        for part in word.split(separator):
            detached.extend([part, separator] if part else [separator])
        detached.pop()
    return detached


def _split(words: Iterable[str], separator: str) -> List[List[str]]:
    groups: List[List[str]] = [[]]
    for word in words:
        if word == separator:
            groups.append([])
        else:
            groups[-1].append(word)
    return groups


class Signature(NamedTuple):
    """What a function takes: names in order, the names of `*varargs` and `**keywords`, defaults by name."""

    args: List[str]
    varargs: Optional[str]
    keywords: Optional[str]
    defaults: Dict[str, Any]


def signature(function: Callable[..., Any]) -> Signature:
    """What a function takes, or the one that it wraps."""
    if type(function) is FunctionType and not function.__dict__:
        return _of_plain(function)
    import inspect

    args: List[str] = []
    defaults: Dict[str, Any] = {}
    stars: Dict[Any, str] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars[parameter.kind] = parameter.name
            continue
        args.append(parameter.name)
        if parameter.default is not parameter.empty:
            defaults[parameter.name] = parameter.default
    kinds = inspect.Parameter
    return Signature(args, stars.get(kinds.VAR_POSITIONAL), stars.get(kinds.VAR_KEYWORD), defaults)


def _of_plain(function: FunctionType) -> Signature:
    """The same for most functions, without `inspect`, which takes longer to load than they take to run."""
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    args, rest = list(code.co_varnames[:count]), list(code.co_varnames[count:])
    varargs = rest.pop(0) if code.co_flags & _VARARGS else None
    keywords = rest.pop(0) if code.co_flags & _VARKEYWORDS else None
    values = function.__defaults__ or ()
    behind = args[code.co_argcount - len(values) : code.co_argcount]
    return Signature(args, varargs, keywords, {**dict(zip(behind, values)), **(function.__kwdefaults__ or {})})


def bind(
    function: Callable[..., Any], arg: Sequence[Any], publication: Optional[Mapping[str, Any]] = None
) -> Arguments:
    """The arguments with which a function is called for the list that its job carries.

    Text items `name=value` become keywords here too, since not every publisher splits them.

    Args:
        function: what is called.
        arg: the job's list.
        publication: facts about the job; a function that takes any keyword gets them as `__pub_NAME`.

    Raises:
        SaltInvocationError: a keyword is not one of the function's.
    """
    takes = signature(function)
    args: List[Any] = []
    kwargs: Dict[str, Any] = {}
    for item in arg:
        if _is_keywords(item) or (isinstance(item, str) and _KEYWORD.fullmatch(item)):
            kwargs.update(parse_args([item])[1])
        else:
            args.append(item)
    if takes.keywords is None:
        invalid = [f"{name}={value}" for name, value in kwargs.items() if name not in takes.args]
        if invalid:
            raise SaltInvocationError(f"The following keyword arguments are not valid: {', '.join(invalid)}")
    elif publication:
        kwargs.update({f"__pub_{name}": value for name, value in publication.items()})
    return args, kwargs


def _is_keywords(item: Any) -> bool:
    return isinstance(item, dict) and item.get("__kwarg__", False) is True
