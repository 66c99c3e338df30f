"""A configuration document as text: written anew, or into a file that exists, whose comments stay."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from bkendctl.cli.config_file import SECRETS, ConfigFile, Path_
from bkendctl.cli.formats import json_text, yaml_text
from bkendctl.contract.config import ConfigDocument
from bkendctl.contract.errors import Failure

HEAD = """\
# yaml-language-server: $schema=bkend.schema.json
# Editors check names and limits with it: bkendctl config schema > bkend.schema.json
# Settings of one environment and its project. What is left out stays as it is.
#   bkendctl config diff FILE    what differs from what is live
#   bkendctl config apply FILE   change what differs, after asking
# Secrets are not exported; write them as env:NAME.
"""


def written(document: dict[str, Any]) -> str:
    """A document as a new file; sections stand apart."""
    sections = [yaml_text({name: section}) for name, section in document.items()]
    return HEAD + "\n".join(sections)


def updated(file: ConfigFile, document: dict[str, Any]) -> str:
    """The text of a file with the live values in it; what it leaves out is left out, comments stay."""
    edits: dict[Path_, Any] = {}
    for name, value in file.values.items():
        if name != "seed":  # fixtures are not read back
            _compare(value, document.get(name), (name,), edits)
    text = file.text
    for path in sorted(edits, key=lambda each: file.places[each].start, reverse=True):
        place = file.places[path]
        before, after = text[: place.start], text[place.end :]
        space = " " if before.endswith(":") else ""  # an empty value
        text = f"{before}{space}{_flow(edits[path])}{after}"
    return text


def _compare(value: Any, live: Any, path: Path_, edits: dict[Path_, Any]) -> None:
    if isinstance(value, dict) and isinstance(live, dict):
        for name, below in value.items():
            if name in live:
                _compare(below, live[name], (*path, name), edits)
    elif isinstance(value, dict) and path == ("oauth",):
        pass
    elif value != live:
        edits[path] = live


def _flow(value: Any) -> str:
    """A value on one line, as YAML and JSON read it alike."""
    return json_text(value, indent=None)


def schema() -> dict[str, Any]:
    """JSON Schema of the file: that of the contract, where no name is unknown and secrets may be env:NAME."""
    found: dict[str, Any] = msgspec.json.schema(ConfigDocument)
    for definition in found["$defs"].values():
        definition["additionalProperties"] = False
        for name, wanted in definition["properties"].items():
            if name in SECRETS:
                by_name = {"type": "string", "pattern": "^env:[A-Za-z_][A-Za-z0-9_]*$"}
                definition["properties"][name] = {"anyOf": [by_name, wanted]}
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, "title": "Configuration of a bkend environment"} | found


def put(file: Path, text: str) -> None:
    """Write a file whole or not at all, with the mode it had. cli/file."""
    target = file.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Failure("cli/file", f"{file}: {error.strerror}.") from None
