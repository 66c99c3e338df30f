"""The completion script of fish, 3.1 or newer: one `complete` per command, option and argument."""

from __future__ import annotations

from collections.abc import Iterator

from bkendctl.cli.shells import filled, offer, values
from bkendctl.cli.tree import Node, Parameter

_SCRIPT = r"""# @@MARK@@

# Print the command typed so far, how many arguments it has, and the profile that is named.
function __bkendctl_walk
    set -l words (commandline -opc)
    set -e words[1]
    set -l path
    set -l count 0
    set -l profile ''
    set -l waiting ''
    for word in $words
        if test -n "$waiting"
            contains -- $waiting -p --profile; and set profile $word
            set waiting ''
            continue
        end
        switch $word
            case '--profile=*'
                set profile (string replace -- '--profile=' '' $word)
            case '--*=*'
            case '-*'
                if contains -- $word @@GLOBAL_VALUES@@; or contains -- "$path $word" @@VALUES@@
                    set waiting $word
                end
            case '*'
                if contains -- "$path" '' @@GROUPS@@
                    set -a path $word
                else
                    set count (math $count + 1)
                end
        end
    end
    printf '%s\n' "$path" $count "$profile"
end

# Tell whether the command typed so far is $argv[1], with $argv[2] arguments.
function __bkendctl_is
    set -l walked (__bkendctl_walk)
    test "$walked[1]" = "$argv[1]"; or return 1
    not set -q argv[2]; or test "$walked[2]" = "$argv[2]"
end

# Offer what this machine knows of a kind.
function __bkendctl_values
    set -l walked (__bkendctl_walk)
    set -l current (commandline -ct | string replace -r -- '^--[^=]*=' '')
    command bkendctl completion values $argv[1] "$current" "$walked[3]" 2>/dev/null </dev/null
end

complete -c bkendctl -e
complete -c bkendctl -f
@@LINES@@
"""


def script(tree: Node) -> str:
    """Write the script."""
    names = values(tree)
    groups = [node for node in tree.walk() if node.children and node.path]
    return filled(
        _SCRIPT,
        global_values=" ".join(name for name in names if name.startswith("-")),
        values=" ".join(_quoted(name) for name in names if not name.startswith("-")),
        groups=" ".join(_quoted(" ".join(node.path)) for node in groups),
        lines="\n".join(_lines(tree)),
    )


def _lines(tree: Node) -> Iterator[str]:
    yield from (f"complete -c bkendctl {_option(option)}" for option in tree.options)
    for node in tree.walk():
        here = f"__bkendctl_is {_quoted(' '.join(node.path))}"
        for child in node.children:
            yield f"complete -c bkendctl -n {_quoted(here)} -a {child.path[-1]} -d {_quoted(child.summary)}"
        for option in node.options if node.path else ():
            yield f"complete -c bkendctl -n {_quoted(here)} {_option(option)}"
            for name in option.negative:
                flag = f"-l {name.removeprefix('--')} -d {_quoted(option.help)}"
                yield f"complete -c bkendctl -n {_quoted(here)} {flag}"
        for place, argument in enumerate(node.arguments):
            offered = _offered(argument)
            if offered:
                yield f"complete -c bkendctl -n {_quoted(f'{here} {place}')} {offered}"


def _option(option: Parameter) -> str:
    parts = [
        f"-l {name.removeprefix('--')}" if name.startswith("--") else f"-s {name.removeprefix('-')}"
        for name in option.names
    ]
    if option.metavar:
        parts += ["-r" if option.is_file else "-x", _offered(option)]
    return " ".join([*(part for part in parts if part), "-d", _quoted(option.help)])


def _offered(parameter: Parameter) -> str:
    offered = offer(parameter)
    if offered == "@files":
        return "-F"
    if offered == "@":
        return ""
    return f"-a {_quoted(f'(__bkendctl_values {offered[1:]})' if offered.startswith('@') else offered)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
