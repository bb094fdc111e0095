"""Files that hold data in a format such as YAML or JSON, or in base 64."""

from __future__ import annotations

import os
import tempfile
from types import SimpleNamespace
from typing import Any, Callable, Dict, Optional

from minion import serializers
from minion.errors import CommandExecutionError
from minion.merging import merge_recurse
from minion.modules._file_common import SCRATCH_PREFIX
from minion.states._differences import differences
from minion.states._file import Refused, octal_mode
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__states__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__env__: str
__virtualname__ = "file"

_WRITING: Dict[str, Dict[str, Any]] = {
    "yaml": {"default_flow_style": False},
    "json": {"indent": 2, "separators": (",", ": "), "sort_keys": True, "ensure_ascii": False},
}
_WRITING_ENCODED: Dict[str, Dict[str, Any]] = {"yaml": {"allow_unicode": True}}


def serialize(
    name: str,
    dataset: Any = None,
    dataset_pillar: Optional[str] = None,
    user: Any = None,
    group: Any = None,
    mode: Any = None,
    backup: Any = "",
    makedirs: bool = False,
    show_changes: bool = True,
    create: bool = True,
    merge_if_exists: bool = False,
    encoding: Optional[str] = None,
    encoding_errors: str = "strict",
    serializer: Optional[str] = None,
    serializer_opts: Any = None,
    deserializer_opts: Any = None,
    check_cmd: Any = None,
    tmp_dir: Optional[str] = None,
    tmp_ext: str = "",
    **kwargs: Any,
) -> Result:
    """Sees to it that a file holds certain data in a certain format.

    Args:
        name: the file.
        dataset: the data.
        dataset_pillar: the pillar key of the data.
        user, group, mode: what the file shall have.
        backup: `minion` keeps the file as it was.
        makedirs: make the folders above it.
        show_changes: False only tells that the content has changed.
        create: False does nothing if there is no such file.
        merge_if_exists: keep what the file holds already beside the data.
        encoding, encoding_errors: how to encode the file, if not in UTF-8.
        serializer: the format: `yaml`, `json`, `toml`, `configparser`, `keyvalue`, `msgpack`, `plist` or `python`;
            `formatter` is another name for it.
        serializer_opts: options of the library that writes the format.
        deserializer_opts: options of the library that reads it, for `merge_if_exists`.
        check_cmd: a command that must accept the new content before it is put in place; it gets a path as its last
            argument.
        tmp_dir, tmp_ext: folder of that path, and its ending.
        kwargs: `formatter`, see `serializer`.
    """
    file = SimpleNamespace(**locals())
    file.name = os.path.expanduser(name)
    ret = begun(file.name)
    if not file.name:
        return failed(ret, "Must provide name to file.serialize")
    if not create and not os.path.isfile(file.name):
        ret["comment"] = f"File {file.name} is not present and is not set for creation"
        return ret
    if deserializer_opts and not merge_if_exists:
        ret["warnings"] = ["The 'deserializer_opts' option is ignored unless merge_if_exists is set to True."]
    try:
        file.mode = octal_mode(mode)
        data, present = _data(file)
        if present is not None and data == present:
            ret["comment"] = f"The file {file.name} is in the correct state"
            return ret
        file.contents = _written(file, data)
        ret = _predict(file, ret) if __opts__["test"] else _put_in_place(file, ret)
    except Refused as exc:
        return failed(ret, str(exc))
    if isinstance(present, dict) and isinstance(data, dict):
        ret["changes"]["diff"] = differences(present, data)
    return ret


def _data(file: SimpleNamespace) -> Any:
    """The data that the file shall hold, and those that it is to be merged with, if any."""
    formatter = file.kwargs.pop("formatter", None)
    if file.serializer and formatter:
        raise Refused("Only one of serializer and formatter are allowed")
    file.format = str(file.serializer or formatter or "yaml").lower()
    if file.dataset and file.dataset_pillar:
        raise Refused("Only one of 'dataset' and 'dataset_pillar' is permitted")
    data = file.dataset
    if file.dataset_pillar:
        data = __salt__["pillar.get"](file.dataset_pillar, unmask=True)
    if data is None:
        raise Refused("Neither 'dataset' nor 'dataset_pillar' was defined")
    if not serializers.is_known(file.format):
        raise Refused(
            f"The {file.format} serializer could not be found. It either does not exist or its prerequisites are not "
            "installed."
        )
    if not file.merge_if_exists or not os.path.isfile(file.name):
        return data, None
    try:
        with open(file.name, "rb") as existing:
            present = serializers.deserialize(file.format, existing, **_options(file.deserializer_opts))
    except CommandExecutionError as exc:
        raise Refused(f"Failed to deserialize existing data: {exc.__cause__ or exc}") from exc
    return (data if present is None else merge_recurse(present, data)), present


def _options(given: Any) -> Dict[str, Any]:
    """Options given as a mapping, or as a list of one-key mappings."""
    items = given if isinstance(given, list) else [given or {}]
    return {key: value for item in items for key, value in item.items()}


def _written(file: SimpleNamespace, data: Any) -> Any:
    options = dict(_WRITING.get(file.format, {}))
    if file.encoding:
        options.update(_WRITING_ENCODED.get(file.format, {}))
    options.update(_options(file.serializer_opts))
    try:
        text = serializers.serialize(file.format, data, **options)
    except CommandExecutionError as exc:
        raise Refused(str(exc)) from exc
    return text + "\n" if isinstance(text, str) else text


def _predict(file: SimpleNamespace, ret: Result) -> Result:
    nothing: Dict[str, Any] = {"source": None, "source_hash": {}, "source_hash_name": None, "template": None}
    ret["changes"] = __salt__["file.check_managed_changes"](
        name=file.name,
        user=file.user,
        group=file.group,
        mode=file.mode,
        attrs=None,
        context=None,
        defaults=None,
        saltenv=__env__,
        contents=file.contents,
        **nothing,
    )
    if not ret["changes"]:
        ret["comment"] = f"The file {file.name} is in the correct state"
        return ret
    if not file.show_changes:
        ret["changes"]["diff"] = "<show_changes=False>"
    return predicted(ret, f"Dataset will be serialized and stored into {file.name}")


def _put_in_place(file: SimpleNamespace, ret: Result) -> Result:
    if file.check_cmd:
        verdict = _verdict(file)
        if isinstance(verdict, dict):
            return {**ret, **verdict}
    return _manage(file, file.name, ret, file.backup)


def _manage(file: SimpleNamespace, target: str, ret: Result, backup: Any = "") -> Result:
    managed: Result = __salt__["file.manage_file"](
        name=target,
        sfn="",
        ret=ret,
        source=None,
        source_sum={},
        user=file.user,
        group=file.group,
        mode=file.mode,
        attrs=None,
        saltenv=__env__,
        backup=backup,
        makedirs=file.makedirs,
        show_changes=file.show_changes,
        encoding=file.encoding,
        encoding_errors=file.encoding_errors,
        contents=file.contents,
    )
    return managed


def _verdict(file: SimpleNamespace) -> Any:
    """What `check_cmd` says to the new content, if there is any."""
    handle, copy = tempfile.mkstemp(prefix=SCRATCH_PREFIX, suffix=file.tmp_ext, dir=file.tmp_dir)
    os.close(handle)
    try:
        if os.path.isfile(file.name):
            __salt__["file.copy"](file.name, copy)
        if not _manage(file, copy, begun(copy))["changes"]:
            return True
        shell = {"shell": __grains__["shell"]} if "shell" in __grains__ else {}
        return __states__["file.mod_run_check_cmd"](file.check_cmd, copy, **shell)
    except (CommandExecutionError, OSError) as exc:
        raise Refused(f"Unable to check_cmd file: {exc}") from exc
    finally:
        if os.path.lexists(copy):
            os.remove(copy)


def decode(
    name: str,
    encoded_data: Optional[str] = None,
    contents_pillar: Optional[str] = None,
    encoding_type: str = "base64",
    checksum: str = "md5",
) -> Result:
    """Sees to it that a file holds what a text in base 64 stands for.

    Args:
        name: the file.
        encoded_data: the text.
        contents_pillar: the pillar key of the text.
        encoding_type: `base64`.
        checksum: the type of the digests by which the content is compared.
    """
    ret = begun(name, result=False)
    if not encoded_data and not contents_pillar:
        raise CommandExecutionError("Specify either the 'encoded_data' or 'contents_pillar' argument.")
    if encoded_data and contents_pillar:
        raise CommandExecutionError("Specify only one 'encoded_data' or 'contents_pillar' argument.")
    text = encoded_data or __salt__["pillar.get"](contents_pillar, False, unmask=True)
    if text is False:
        raise CommandExecutionError("Pillar data not found.")
    new = __salt__["hashutil.digest"](__salt__["hashutil.base64_decodestring"](text), checksum)
    old = __salt__["hashutil.digest_file"](name, checksum) if os.path.isfile(name) else None
    if old == new:
        ret.update(result=True, comment="File is in the correct state.")
        return ret
    if old is not None:
        ret["changes"] = {"old": old, "new": new}
    if __opts__["test"]:
        return predicted(ret, "File is set to be updated.")
    ret["result"] = __salt__["hashutil.base64_decodefile"](text, name)
    ret.update(comment="File was updated.", changes={"old": old, "new": new})
    return ret
