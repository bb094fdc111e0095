"""Tells whether this minion is meant by a target."""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

from minion import matchers
from minion.data import DEFAULT_DELIMITER
from minion.errors import SaltException, SaltInvocationError
from minion.merging import update

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]

__func_alias__ = {"list_": "list"}

_EVERYBODY, _NOBODY = "*", "SALT_IFELSE_MATCH_NOTHING"


class _Here:
    """This minion, maybe under another id; the data store is read only if a target asks for it."""

    def __init__(self, minion_id: Optional[str] = None) -> None:
        self.id = str(minion_id) if minion_id is not None else str(__opts__["id"])
        self.grains = __grains__
        self.pillar = __pillar__

    @property
    def data(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = __salt__["data.load"]()
        return found


def _match(tgt: Any, kind: str, minion_id: Optional[str] = None, delimiter: str = DEFAULT_DELIMITER) -> bool:
    return matchers.match(tgt, kind, _Here(minion_id), delimiter, __opts__.get("nodegroups") or {})


def compound(tgt: Any, minion_id: Optional[str] = None) -> bool:
    """Whether a compound target means this minion.

    Args:
        tgt: terms like `G@os:Debian`, joined by `and`, `or`, `not` and parentheses.
        minion_id: the id to compare instead of this minion's.

    CLI Example:

    .. code-block:: bash

        salt '*' match.compound 'L@cheese,foo and *'
    """
    return _match(tgt, "compound", minion_id)


def ipcidr(tgt: str) -> bool:
    """Whether this minion has an address, or one in a network.

    Args:
        tgt: an address or a network like 10.0.0.0/8.

    CLI Example:

    .. code-block:: bash

        salt '*' match.ipcidr '192.168.44.0/24'
    """
    return _match(tgt, "ipcidr")


def pillar_pcre(tgt: str, delimiter: str = DEFAULT_DELIMITER) -> bool:
    """Whether a value of the pillar matches a regular expression.

    Args:
        tgt: keys and the expression, joined by the delimiter.
        delimiter: what joins them.

    CLI Example:

    .. code-block:: bash

        salt '*' match.pillar_pcre 'cheese:(swiss|american)'
        salt '*' match.pillar_pcre 'clone_url|https://example\\.com/.*\\.git' delimiter='|'
    """
    return _match(tgt, "pillar_pcre", delimiter=delimiter)


def pillar(tgt: str, delimiter: str = DEFAULT_DELIMITER) -> bool:
    """Whether a value of the pillar matches a glob.

    Args:
        tgt: keys and the glob, joined by the delimiter.
        delimiter: what joins them.

    CLI Example:

    .. code-block:: bash

        salt '*' match.pillar 'cheese:foo'
        salt '*' match.pillar 'clone_url|https://example.com/repo.git' delimiter='|'
    """
    return _match(tgt, "pillar", delimiter=delimiter)


def data(tgt: str) -> bool:
    """Whether a value of the minion's data store matches a glob.

    Args:
        tgt: `key:glob`.

    CLI Example:

    .. code-block:: bash

        salt '*' match.data 'spam:eggs'
    """
    return _match(tgt, "data")


def grain_pcre(tgt: str, delimiter: str = DEFAULT_DELIMITER) -> bool:
    """Whether a grain matches a regular expression.

    Args:
        tgt: keys and the expression, joined by the delimiter.
        delimiter: what joins them.

    CLI Example:

    .. code-block:: bash

        salt '*' match.grain_pcre 'os:Fedo.*'
        salt '*' match.grain_pcre 'ipv6|2001:.*' delimiter='|'
    """
    return _match(tgt, "grain_pcre", delimiter=delimiter)


def grain(tgt: str, delimiter: str = DEFAULT_DELIMITER) -> bool:
    """Whether a grain matches a glob.

    Args:
        tgt: keys and the glob, joined by the delimiter.
        delimiter: what joins them.

    CLI Example:

    .. code-block:: bash

        salt '*' match.grain 'os:Ubuntu'
        salt '*' match.grain 'ipv6|2001:db8::ff00:42:8329' delimiter='|'
    """
    return _match(tgt, "grain", delimiter=delimiter)


def list_(tgt: Any, minion_id: Optional[str] = None) -> bool:
    """Whether this minion is in a list of ids.

    Args:
        tgt: ids, as a list or joined by commas.
        minion_id: the id to look for instead of this minion's.

    CLI Example:

    .. code-block:: bash

        salt '*' match.list 'server1,server2'
    """
    return _match(tgt, "list", minion_id)


def pcre(tgt: str, minion_id: Optional[str] = None) -> bool:
    """Whether the minion id begins as a regular expression says.

    Args:
        tgt: the expression.
        minion_id: the id to compare instead of this minion's.

    CLI Example:

    .. code-block:: bash

        salt '*' match.pcre '.*'
    """
    return _match(tgt, "pcre", minion_id)


def glob(tgt: str, minion_id: Optional[str] = None) -> bool:
    """Whether the minion id matches a glob.

    Args:
        tgt: the glob.
        minion_id: the id to compare instead of this minion's.

    CLI Example:

    .. code-block:: bash

        salt '*' match.glob '*'
    """
    return _match(tgt, "glob", minion_id)


def nodegroup(tgt: str, minion_id: Optional[str] = None) -> bool:
    """Whether this minion belongs to a nodegroup that its configuration defines.

    Args:
        tgt: the nodegroup's name.
        minion_id: the id to compare instead of this minion's.

    CLI Example:

    .. code-block:: bash

        salt '*' match.nodegroup webservers
    """
    return _match(tgt, "nodegroup", minion_id)


def filter_by(
    lookup: Mapping[Any, Any],
    tgt_type: str = "compound",
    minion_id: Optional[str] = None,
    merge: Optional[Mapping[str, Any]] = None,
    merge_lists: bool = False,
    default: Any = "default",
) -> Any:
    """The value of the first key that, as a target, means this minion.

    Args:
        lookup: target -> value.
        tgt_type: the kind of the targets.
        minion_id: the id to compare instead of this minion's.
        merge: a mapping that is merged over the value found.
        merge_lists: whether lists are joined in this merge.
        default: the key whose value is taken if no target fits.

    CLI Example:

    .. code-block:: bash

        salt '*' match.filter_by '{foo*: Foo!, bar*: Bar!}' minion_id=bar03
    """
    found, value = _choose(lookup.items(), tgt_type, minion_id, merge, merge_lists)
    return value if found else lookup.get(default)


def search_by(
    lookup: Mapping[Any, Iterable[Any]], tgt_type: str = "compound", minion_id: Optional[str] = None
) -> Optional[List[Any]]:
    """The keys whose lists contain a target that means this minion; None if there are none.

    Args:
        lookup: key -> list of targets.
        tgt_type: the kind of the targets.
        minion_id: the id to compare instead of this minion's.

    CLI Example:

    .. code-block:: bash

        salt '*' match.search_by '{web: [node1, node2], db: [node2, node]}'
    """
    _check_kind(tgt_type)
    found = [key for key, targets in lookup.items() for target in targets if _match(target, tgt_type, minion_id)]
    return found or None


def ifelse(
    *args: Any,
    tgt_type: str = "compound",
    minion_id: Optional[str] = None,
    merge: Optional[Mapping[str, Any]] = None,
    merge_lists: bool = False,
) -> Any:
    """The value behind the first target that means this minion, else the last argument.

    Args:
        args: target, value, target, value, ..., value if none fits. True and False stand for everybody and nobody.
        tgt_type: the kind of the targets.
        minion_id: the id to compare instead of this minion's.
        merge: a mapping that is merged over the value found.
        merge_lists: whether lists are joined in this merge.

    CLI Example:

    .. code-block:: bash

        salt '*' match.ifelse 'foo*' 'Foo!' 'bar*' 'Bar!' 'Neither' minion_id=bar03
    """
    if len(args) % 2 == 0:
        raise SaltException("The ifelse function must have an odd number of arguments!")
    pairs = [
        ((_EVERYBODY if target else _NOBODY) if isinstance(target, bool) else target, value)
        for target, value in zip(args[:-1:2], args[1::2])
    ]
    found, value = _choose(pairs, tgt_type, minion_id, merge, merge_lists)
    return value if found else args[-1]


def _choose(
    pairs: Iterable[Tuple[Any, Any]],
    kind: str,
    minion_id: Optional[str],
    merge: Optional[Mapping[str, Any]],
    merge_lists: bool,
) -> Tuple[bool, Any]:
    """Whether a target of the pairs fits, and the value behind the first that does."""
    _check_kind(kind)
    for target, value in pairs:
        if _match(target, kind, minion_id):
            return True, _merged(value, merge, merge_lists) if merge else value
    return False, None


def _merged(value: Any, merge: Mapping[str, Any], merge_lists: bool) -> Any:
    if not isinstance(merge, Mapping):
        raise SaltException("filter_by merge argument must be a dictionary.")
    return merge if value is None else update(copy.deepcopy(value), copy.deepcopy(merge), merge_lists=merge_lists)


def _check_kind(kind: str) -> None:
    if kind not in matchers.KINDS:
        raise SaltInvocationError(f"{kind!r} is no kind of target; there are {', '.join(matchers.KINDS)}")
