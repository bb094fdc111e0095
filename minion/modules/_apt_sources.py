"""APT's sources.list and sources.list.d, in both formats: one-line (.list) and deb822 (.sources).

A file is a list of pieces: sources, and the text between them. What is not changed is written back as it was read.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterable, Iterator, List, Optional, Union

from minion import atomic
from minion.errors import SaltInvocationError

ETC = "/etc/apt"

_LINE = re.compile(
    r"""^\s*(?P<off>\#+\s*)?(?P<type>deb|deb-src|rpm|rpm-src)\s+
    (?:\[(?P<options>[^\]]*)\]\s*)?
    (?P<uri>cdrom:\[[^\]]*\]\S*|\S+)\s+(?P<suite>\S+)
    (?P<comps>[^\#\n]*)(?:\#(?P<comment>.*))?$""",
    re.X,
)
_OPTION_OF_FIELD = {"architectures": "arch", "languages": "lang", "targets": "target"}
_FIELD_OF_OPTION = {
    "arch": "Architectures",
    "lang": "Languages",
    "target": "Targets",
    "signed-by": "Signed-By",
    "trusted": "Trusted",
}
_FIELDS_OF_SOURCE = ("types", "uris", "suites", "components", "enabled")


@dataclass
class Source:
    """One entry: every type, of every suite, from every URI."""

    types: List[str]
    uris: List[str]
    suites: List[str]
    comps: List[str] = field(default_factory=list)
    options: Dict[str, str] = field(default_factory=dict)
    disabled: bool = False
    comment: str = ""
    file: str = ""
    text: str = ""

    @property
    def architectures(self) -> List[str]:
        return [arch for arch in re.split(r"[,\s]+", self.options.get("arch", "")) if arch]

    @property
    def signedby(self) -> str:
        return self.options.get("signed-by", "")

    @property
    def is_deb822(self) -> bool:
        return self.file.endswith(".sources")

    def line(self) -> str:
        """The entry in one-line format; only its first type, URI and suite fit there."""
        options = " ".join(f"{key}={value}" for key, value in self.options.items() if "\n" not in value)
        words = [self.types[0], f"[{options}]" if options else "", self.uris[0], self.suites[0], *self.comps]
        line = ("# " if self.disabled else "") + " ".join(filter(None, words))
        return f"{line} # {self.comment}" if self.comment else line

    def paragraph(self) -> str:
        """The entry in deb822 format."""
        fields = [("Types", self.types), ("URIs", self.uris), ("Suites", self.suites), ("Components", self.comps)]
        lines = [f"# {self.comment}"] if self.comment else []
        lines += ["Enabled: no"] if self.disabled else []
        lines += [f"{name}: {' '.join(values)}" for name, values in fields if values]
        for option, value in self.options.items():
            words = value if option == "signed-by" else value.replace(",", " ")
            lines.append(f"{_FIELD_OF_OPTION.get(option, option.title())}: {words}")
        return "\n".join(lines)

    def rendered(self) -> str:
        """The text for the file it lies in."""
        return self.text or (self.paragraph() if self.is_deb822 else self.line())

    def matches(self, kind: str, uri: str, suite: str) -> bool:
        """Whether it serves this suite; a slash at the end of the URI does not matter."""
        uris = [own.rstrip("/") for own in self.uris]
        return kind in self.types and uri.rstrip("/") in uris and suite in self.suites

    def change(self, **values: Any) -> None:
        """Sets attributes, so that the entry is written anew."""
        for name, value in values.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
                self.text = ""

    def set_option(self, name: str, value: str) -> None:
        """Sets an option, or removes it with an empty value."""
        options = {key: old for key, old in self.options.items() if key != name or value}
        if value:
            options[name] = value
        self.change(options=options)


Piece = Union[str, Source]


def parse(line: str) -> Source:
    """A source from its one-line form, as users name repositories."""
    match = _LINE.match(line.strip())
    if not match:
        raise SaltInvocationError(
            f"Name {line} is not valid. This must be the complete repo entry as seen in the sources file"
        )
    options = {}
    for word in (match.group("options") or "").split():
        key, _, value = word.partition("=")
        options[key.lower()] = value
    return Source(
        types=[match.group("type")],
        uris=[match.group("uri")],
        suites=[match.group("suite")],
        comps=match.group("comps").split(),
        options=options,
        disabled=bool(match.group("off")),
        comment=(match.group("comment") or "").strip(),
    )


def _pieces_of_list(text: str, path: str) -> Iterator[Piece]:
    for line in text.splitlines():
        if _LINE.match(line):
            yield replace(parse(line), file=path, text=line)
        else:
            yield line


def _pieces_of_deb822(text: str, path: str) -> Iterator[Piece]:
    """Paragraphs, separated by empty lines."""
    for paragraph in re.split(r"\n[ \t]*\n", text.strip("\n")):
        yield _parse_paragraph(paragraph, path) or paragraph


def _parse_paragraph(paragraph: str, path: str) -> Optional[Source]:
    fields: Dict[str, str] = {}
    name = ""
    for line in paragraph.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in " \t" and name:
            fields[name] += "\n" + line
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    if not all(fields.get(key) for key in ("types", "uris", "suites")):
        return None
    options = {_OPTION_OF_FIELD.get(key, key): value for key, value in fields.items() if key not in _FIELDS_OF_SOURCE}
    return Source(
        types=fields["types"].split(),
        uris=fields["uris"].split(),
        suites=fields["suites"].split(),
        comps=fields.get("components", "").split(),
        options={key: ",".join(value.split()) if key == "arch" else value for key, value in options.items()},
        disabled=fields.get("enabled", "yes").lower() in ("no", "false", "0", "without", "off", "disable"),
        file=path,
        text=paragraph,
    )


class Sources:
    """All files that APT reads."""

    def __init__(self, etc: str = "") -> None:
        self.etc = etc or ETC
        self.files: Dict[str, List[Piece]] = {path: self._read(path) for path in self._paths()}

    @property
    def main_file(self) -> str:
        return os.path.join(self.etc, "sources.list")

    def _paths(self) -> List[str]:
        folder = os.path.join(self.etc, "sources.list.d")
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            names = []
        paths = [self.main_file] + [os.path.join(folder, n) for n in names if n.endswith((".list", ".sources"))]
        return [path for path in paths if os.path.isfile(path)]

    @staticmethod
    def _read(path: str) -> List[Piece]:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
        return list(_pieces_of_deb822(text, path) if path.endswith(".sources") else _pieces_of_list(text, path))

    def __iter__(self) -> Iterator[Source]:
        for pieces in self.files.values():
            yield from (piece for piece in pieces if isinstance(piece, Source))

    def add(self, source: Source) -> None:
        """Adds an entry at the end of its file."""
        source.file = source.file or self.main_file
        self.files.setdefault(source.file, []).append(source)

    def remove(self, source: Source) -> None:
        """Takes an entry out of its file."""
        self.files[source.file] = [piece for piece in self.files[source.file] if piece is not source]

    def is_empty(self, path: str) -> bool:
        """Whether a file has no entry, neither on nor off."""
        return not any(isinstance(piece, Source) for piece in self.files.get(path, ()))

    def save(self, paths: Iterable[str]) -> None:
        """Writes files; those below sources.list.d that have no entry left are removed."""
        for path in dict.fromkeys(paths):
            if self.is_empty(path) and path != self.main_file:
                if os.path.exists(path):
                    os.remove(path)
                continue
            between = "\n\n" if path.endswith(".sources") else "\n"
            texts = [piece.rendered() if isinstance(piece, Source) else piece for piece in self.files[path]]
            os.makedirs(os.path.dirname(path), exist_ok=True)
            atomic.write(path, between.join(texts) + ("\n" if texts else ""))

    def consolidate(self) -> List[str]:
        """Merges entries that differ only in their components into the main file; returns the files to save."""
        merged: Dict[Any, Source] = {}
        for source in self:
            key = (tuple(source.options.items()), source.disabled, tuple(source.types), tuple(source.uris))
            known = merged.setdefault((*key, tuple(source.suites)), replace(source, file=self.main_file, text=""))
            known.comps = list(dict.fromkeys(known.comps + source.comps))
        paths = [*self.files, self.main_file]
        self.files = {path: [] for path in paths}
        self.files[self.main_file] = list(merged.values())
        return paths


def entries(source: Source) -> Iterator[Dict[str, Any]]:
    """One mapping for each URI, suite and type of a source, as `pkg.list_repos` shows them."""
    for uri in source.uris:
        for suite in source.suites:
            for kind in source.types:
                one = replace(source, types=[kind], uris=[uri], suites=[suite], comment="")
                yield {
                    "file": source.file,
                    "comps": source.comps,
                    "disabled": source.disabled,
                    "enabled": not source.disabled,
                    "dist": suite,
                    "suites": source.suites,
                    "type": kind,
                    "types": source.types,
                    "uri": uri,
                    "uris": source.uris,
                    "line": one.line() if source.is_deb822 else source.rendered().strip(),
                    "architectures": source.architectures,
                    "signedby": source.signedby,
                }
