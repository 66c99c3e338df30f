"""How the code is written: prose, size, names, and what is not done anywhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.source import MODULES, TESTS, Module, modules

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

LONGEST_FILE = 350
LONGEST_TEST_FILE = 400
LONGEST_FUNCTION = 45
# Declarations one after the other; schema.py and the migrations are written by tools.
LONG_BY_NATURE = ("bkendctl.core.tables", "bkendctl.core.schema", "bkendctl.core.migrations.versions.")
NAMES_OF_NOTHING = {
    "base",
    "common",
    "helper",
    "helpers",
    "manager",
    "managers",
    "misc",
    "tools",
    "util",
    "utils",
}
# A process of its own, which answers on stdout and ends itself.
PROGRAMS = {"bkendctl.local.keyring_child"}
SILENT_ROOMS = ("contract", "core", "policy", "client", "local")
SPEAKING = {"print", "input", "exit", "quit", "sys.exit", "os._exit"}
ONE_SOURCE = re.compile(
    r"(time\.(time|time_ns|sleep)|datetime\.(now|utcnow|today)|secrets\.\w+|uuid\.uuid\d|random\.\w+)"
)
TEST_MODULES = modules(TESTS)


def definitions(node: ast.AST, above: str = "") -> Iterator[tuple[str, Definition]]:
    """Every class and function below a node with its dotted name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition):
            yield above + child.name, child
            yield from definitions(child, f"{above}{child.name}.")
        else:
            yield from definitions(child, above)


def classes(tree: ast.AST) -> Iterator[ast.ClassDef]:
    """Every class."""
    return (found for _, found in definitions(tree) if isinstance(found, ast.ClassDef))


def functions(tree: ast.AST) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method."""
    return {name: found for name, found in definitions(tree) if not isinstance(found, ast.ClassDef)}


def public(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """What others may use: no underscore in the way, nothing within functions, no overload."""
    within = {inner for outer in functions(tree).values() for _, inner in definitions(outer)}
    for name, found in definitions(tree):
        hidden = any(part.startswith("_") for part in name.split("."))
        if not hidden and found not in within and "overload" not in map(ast.unparse, found.decorator_list):
            yield name, found


def promised(room: str) -> set[str]:
    """Methods that the Protocols of a room describe; their implementations need not repeat it."""
    return {
        method.name
        for module in MODULES
        if module.room == room
        for found in classes(module.tree)
        if "Protocol" in map(ast.unparse, found.bases)
        for _, method in definitions(found)
        if ast.get_docstring(method)
    }


def calls(module: Module) -> set[str]:
    """What a module calls, as it is written."""
    return {ast.unparse(node.func) for node in ast.walk(module.tree) if isinstance(node, ast.Call)}


def test_modules_say_what_lives_in_them() -> None:
    """Each begins with one to five lines."""
    texts = {module.name: ast.get_docstring(module.tree) or "" for module in MODULES}
    assert [name for name, text in texts.items() if not 1 <= len(text.splitlines()) <= 5] == []


def test_what_is_public_says_what_it_is() -> None:
    """Public classes, functions and methods begin with a sentence of their own."""
    bare = [
        f"{module.name}.{name}"
        for module in MODULES
        for name, found in public(module.tree)
        if not ast.get_docstring(found) and not ("." in name and found.name in promised(module.room))
    ]
    assert bare == []


def test_files_keep_their_size() -> None:
    """A file that outgrows this splits by sub-noun."""
    limits = dict.fromkeys(MODULES, LONGEST_FILE) | dict.fromkeys(TEST_MODULES, LONGEST_TEST_FILE)
    lines = {module: len(module.file.read_text().splitlines()) for module in limits}
    long = {module.name: count for module, count in lines.items() if count > limits[module]}
    assert {name: count for name, count in long.items() if not name.startswith(LONG_BY_NATURE)} == {}


def test_functions_keep_their_size() -> None:
    """A function that outgrows this splits by what it does."""
    lines = {
        f"{module.name}.{name}": (found.end_lineno or 0) - found.lineno + 1
        for module in [*MODULES, *TEST_MODULES]
        if not module.name.startswith(LONG_BY_NATURE)
        for name, found in functions(module.tree).items()
    }
    assert {name: count for name, count in lines.items() if count > LONGEST_FUNCTION} == {}


def test_modules_are_named_for_something_of_the_domain() -> None:
    """No drawer for whatever comes along."""
    assert [module.name for module in MODULES if NAMES_OF_NOTHING & set(module.name.split("."))] == []


def test_no_fault_is_swallowed() -> None:
    """Nothing catches everything, unless to tidy up and raise it again; one place turns it into words."""
    broad = [
        f"{module.name}:{handler.lineno}"
        for module in MODULES
        if module.name != "bkendctl.__main__"
        for handler in ast.walk(module.tree)
        if isinstance(handler, ast.ExceptHandler) and is_broad(handler)
    ]
    assert broad == []


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Whether it catches everything and does not raise it again."""
    caught = set(re.findall(r"\w+", ast.unparse(handler.type))) if handler.type else {"BaseException"}
    return bool(caught & {"Exception", "BaseException"}) and ast.unparse(handler.body[-1]) != "raise"


def test_only_faces_speak() -> None:
    """The rooms behind the faces answer with values and failures; they neither print nor exit nor ask."""
    silent = [module for module in MODULES if module.room in SILENT_ROOMS and module.name not in PROGRAMS]
    assert {module.name: calls(module) & SPEAKING for module in silent if calls(module) & SPEAKING} == {}


def test_the_core_needs_no_event_loop() -> None:
    """The terminal, the threads of a server and the tests call the same functions."""
    waiting = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
    core = [module for module in MODULES if module.room in ("contract", "core", "policy")]
    found = [module.name for module in core for node in ast.walk(module.tree) if isinstance(node, waiting)]
    assert found == []


def test_time_and_randomness_come_from_their_one_source() -> None:
    """In core/ clock.py alone reads the time and randomness.py alone draws; tests hand in their own."""
    others = [
        module
        for module in MODULES
        if module.room == "core" and module.file.stem not in ("clock", "randomness")
    ]
    found = [
        f"{module.name} calls {call}"
        for module in others
        for call in calls(module)
        if ONE_SOURCE.fullmatch(call)
    ]
    assert found == []


def test_nothing_is_left_open() -> None:
    """No stub waits for somebody."""
    mark = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    assert [module.name for module in MODULES if mark.search(module.file.read_text())] == []


def cases_of(module: Module) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """The tests of a module by name."""
    return {name: found for name, found in functions(module.tree).items() if found.name.startswith("test_")}


def test_every_test_states_a_behaviour() -> None:
    """Modules of tests, and the tests in them, say in prose what holds."""
    bare = [module.name for module in TEST_MODULES if module.tree.body and not ast.get_docstring(module.tree)]
    bare += [
        f"{module.name}.{name}"
        for module in TEST_MODULES
        for name, found in cases_of(module).items()
        if not ast.get_docstring(found)
    ]
    assert bare == []


def test_no_test_waits_or_replaces_parts_of_ours() -> None:
    """Time is moved, not slept away; what is tested is what runs."""
    mocks = re.compile(r"^\s*(from|import) (unittest\.mock|mock)\b", re.MULTILINE)
    assert [module.name for module in TEST_MODULES if mocks.search(module.file.read_text())] == []
    assert [module.name for module in TEST_MODULES if {"time.sleep", "sleep"} & calls(module)] == []


def test_every_test_can_fail() -> None:
    """A test asserts something, or expects a failure or a warning."""
    judging = re.compile(r"\bassert|raises|refus|fail|warns")
    idle = [
        f"{module.name}.{name}"
        for module in TEST_MODULES
        for name, found in cases_of(module).items()
        if not judging.search("\n".join(ast.unparse(line) for line in found.body[1:]))
    ]
    assert idle == []
