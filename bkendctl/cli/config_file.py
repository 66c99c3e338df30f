"""A configuration file: YAML read with the place of every value, so that faults name line and column.

Only plain YAML is taken: no tags, anchors or aliases, no name twice, a limited size and depth. Values are
those of YAML 1.2, where no and on are texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from bkendctl.contract.config import ConfigDocument
from bkendctl.contract.errors import Failure
from bkendctl.contract.shapes import entries_in, item_in, struct_in

if TYPE_CHECKING:
    import yaml

MOST_BYTES = 1_048_576
"""What the API takes (jsonBodyMaxBytes)."""
DEEPEST = 16
SECRETS = ("clientSecret", "password", "totpSecret", "token", "key")

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Path_ = tuple[str, ...]


class Place(NamedTuple):
    """Where a value stands: line and column from 1, and its first and last character in the text."""

    line: int
    column: int
    start: int
    end: int


class ConfigFile(NamedTuple):
    """values: what the file says, env:NAME as it is written. places: by path."""

    name: str
    text: str
    values: dict[str, Any]
    places: dict[Path_, Place]

    def fault(self, path: Path_, reason: str) -> Failure:
        """A fault of a value, told by its place; of a missing one, by the place of what it is missing in."""
        return Failure("cli/config-file", details={self.at(path): [reason]})

    def at(self, path: Path_) -> str:
        """The place of a path as compilers write it, and the path."""
        known = path
        while known and known not in self.places:
            known = known[:-1]
        place = self.places.get(known)
        where = f"{self.name}:{place.line}:{place.column}" if place else self.name
        return f"{where} {'.'.join(path)}".rstrip()

    def relocated(self, failure: Failure) -> Failure:
        """A refusal of the API, whose details name paths in the document, by places in the file."""
        if failure.details:
            failure.details = {
                self.at(tuple(path.split(".")[1:])) if path.startswith("config") else path: why
                for path, why in failure.details.items()
            }
        return failure

    def resolved(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """The values with env:NAME taken from the environment; cli/config-file naming what is not set."""
        missing: dict[str, list[str]] = {}

        def resolve(value: Any, path: Path_) -> Any:
            if isinstance(value, dict):
                return {name: resolve(below, (*path, name)) for name, below in value.items()}
            if isinstance(value, list):
                return [resolve(below, (*path, str(place))) for place, below in enumerate(value)]
            if not (isinstance(value, str) and value.startswith("env:")):
                return value
            name = value.removeprefix("env:")
            if not _ENVIRONMENT.fullmatch(name):
                missing[self.at(path)] = ["env: is followed by the name of an environment variable"]
            elif name not in environment:
                missing[self.at(path)] = [f"the environment variable {name} is not set"]
            return environment.get(name)

        found: dict[str, Any] = resolve(self.values, ())
        if missing:
            raise Failure("cli/config-file", "A secret is missing.", details=missing, hint="export NAME=…")
        return found

    def written_secrets(self) -> list[str]:
        """Places of secrets that stand in the file themselves."""
        return [self.at(path) for path, value in _leaves(self.values, ()) if _is_bare_secret(path, value)]


def _is_bare_secret(path: Path_, value: Any) -> bool:
    is_text = isinstance(value, str) and not value.startswith("env:")
    return is_text and path[-1] in SECRETS and path[0] == "oauth"


def read(file: Path) -> ConfigFile:
    """Read and check a file. Failures: cli/file, cli/config-file with line and column."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise Failure("cli/file", f"{file}: {error.strerror}.") from None
    if len(raw) > MOST_BYTES:
        raise Failure("cli/config-file", f"{file} has more than 1 MiB.")
    try:
        return parse(raw.decode("utf-8-sig"), str(file))
    except UnicodeDecodeError:
        raise Failure("cli/config-file", f"{file} is not UTF-8.") from None


def parse(text: str, name: str) -> ConfigFile:
    """As read, of a text; name: what the file is called in faults."""
    import yaml

    found = ConfigFile(name, text, {}, {})
    try:
        _require_plain(text, name)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise Failure(
            "cli/config-file", details={_mark(name, error.problem_mark): [str(error.problem)]}
        ) from None
    except yaml.YAMLError as error:
        raise Failure("cli/config-file", f"{name}: {error}".splitlines()[0]) from None
    values = None if root is None else _value(root, (), found)
    if not isinstance(values, dict):
        raise found.fault((), "is no mapping: it begins with version: 1")
    found.values.update(values)
    _require_known(found)
    return found


def _mark(name: str, mark: Any) -> str:
    return name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"


def _require_plain(text: str, name: str) -> None:
    """Refuse what makes YAML a program: an alias repeats its anchor, so a few lines can become gigabytes."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        reason = None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            reason = "anchors and aliases are not taken"
        elif getattr(event, "tag", None) is not None:
            reason = "tags are not taken"
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            reason = "is nested too deeply"
        if reason is not None:
            raise Failure("cli/config-file", details={_mark(name, event.start_mark): [reason]})


def _value(node: yaml.Node, path: Path_, found: ConfigFile) -> Any:
    """Make a value of a node, and note where it stands."""
    import yaml

    start = node.start_mark
    found.places[path] = Place(start.line + 1, start.column + 1, start.index, _end(node))
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, str(place)), found) for place, item in enumerate(node.value)]
    values: dict[str, Any] = {}
    for key, below in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Failure("cli/config-file", details={_mark(found.name, key.start_mark): ["is no name"]})
        if key.value in values:
            where = _mark(found.name, key.start_mark)
            raise Failure("cli/config-file", details={where: [f"{key.value} stands here a second time"]})
        values[key.value] = _value(below, (*path, key.value), found)
    return values


def _end(node: Any) -> int:
    """Where the text of a node ends; of a block, whose mark lies behind comments, its last value's end."""
    import yaml

    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def _scalar(node: yaml.ScalarNode) -> Any:
    text = node.value
    if node.style is not None:  # quoted, or a block
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _require_known(found: ConfigFile) -> None:
    """Refuse names that mean nothing: the API ignores them, and so would a mistyped one be."""
    unknown = dict(_unknown(found.values, ConfigDocument, (), found))
    if unknown:
        raise Failure("cli/config-file", details=unknown)


def _unknown(value: Any, wanted: Any, path: Path_, found: ConfigFile) -> Iterator[tuple[str, list[str]]]:
    struct, item, entries = struct_in(wanted), item_in(wanted), entries_in(wanted)
    if isinstance(value, list) and item is not None:
        for place, below in enumerate(value):
            yield from _unknown(below, item, (*path, str(place)), found)
    elif isinstance(value, dict) and entries is not None:
        for name, below in value.items():
            yield from _unknown(below, entries[1], (*path, name), found)
    elif isinstance(value, dict) and struct is not None:
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
        for name, below in value.items():
            if name in fields:
                yield from _unknown(below, fields[name], (*path, name), found)
                continue
            near = get_close_matches(name, fields, n=1)
            meant = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(fields)}"
            yield found.at((*path, name)), [f"is not known{meant}"]


def _leaves(value: Any, path: Path_) -> Iterator[tuple[Path_, Any]]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield from _leaves(below, (*path, name))
    elif isinstance(value, list):
        for place, below in enumerate(value):
            yield from _leaves(below, (*path, str(place)))
    else:
        yield path, value
