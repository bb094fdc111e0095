"""Pillars compiled as a master compiles them, from files below a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

from minion.loaders import build_loaders
from minion.pillar.compiler import PillarCompiler
from minion.pillar.request import PillarRequest

GRAINS: Dict[str, Any] = {"id": "web1", "os": "Debian", "roles": ["web", "db"], "site": {"city": "Kiel"}}


class NoMaster:
    """Answers no request."""

    def request(self, cmd: str, **load: Any) -> Any:
        raise AssertionError(f"nobody is to ask for {cmd}")


class PillarLab:
    """A master's pillar.

    Args:
        root: everything lies below: the SLS files in `pillar`.
        opts: differ from the defaults.
    """

    def __init__(self, root: Path, **opts: Any) -> None:
        self.root = root
        self.opts: Dict[str, Any] = {
            "id": "the_master",
            "cachedir": str(root / "cache"),
            "extension_modules": str(root / "cache/extmods"),
            "file_client": "local",
            "file_roots": {"base": [str(root / "srv")]},
            "pillar_roots": {"base": [str(root / "pillar")]},
            "renderer": "jinja|yaml",
            "saltenv": None,
            "pillarenv": None,
            "pillar_safe_render_error": False,
            **opts,
        }

    def write(self, path: str, text: str, mode: int = 0o644) -> str:
        """Writes a file; its full path."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)
        return str(place)

    def compiler(self, **opts: Any) -> PillarCompiler:
        """A compiler with some options changed."""
        chosen = {**self.opts, **opts}
        return PillarCompiler(chosen, build_loaders(chosen, {}, {}, NoMaster()))

    def compile(self, ext_pillar: Any = (), minion_id: str = "web1", **request: Any) -> Dict[str, Any]:
        """The pillar of a minion with these external pillars."""
        grains = request.pop("grains", GRAINS)
        return self.compiler(ext_pillar=ext_pillar).compile(PillarRequest(minion_id, grains, **request))
