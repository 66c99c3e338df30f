"""The completion script of zsh: a #compdef file with a function per command, on _arguments."""

from __future__ import annotations

from bkendctl.cli.shells import filled, offer
from bkendctl.cli.tree import Node, Parameter

_SCRIPT = r"""#compdef bkendctl
# @@MARK@@

# Offer what this machine knows of a kind. Values and labels are plain words: no colon, no quote.
_bkendctl_values() {
    local -a found
    local answer line
    answer=$(command bkendctl completion values "$1" "$PREFIX" "$profile" 2>/dev/null </dev/null)
    for line in ${(f)answer}; do
        found+=("${line%%$'\t'*}:${line#*$'\t'}")
    done
    _describe -t "$1" "$1" found
}

_bkendctl() {
    local context state state_descr line profile='' place
    local -A opt_args
    local -a globals=(
@@GLOBALS@@
    )
    for ((place = 2; place < CURRENT; place++)); do
        case $words[place] in
        -p|--profile) ((place + 1 < CURRENT)) && profile=$words[place+1] ;;
        --profile=*) profile=${words[place]#*=} ;;
        esac
    done
    _bkendctl_top
}

@@FUNCTIONS@@
if [[ $funcstack[1] == _bkendctl ]]; then
    _bkendctl "$@"
else
    compdef _bkendctl bkendctl
fi
"""

_GROUP = r"""@@NAME@@() {
    local -a verbs=(
@@VERBS@@
    )
    _arguments -C -s $globals '1: :{_describe -t commands command verbs}' '*:: :->rest'
    [[ $state == rest ]] || return
    state=
    case $line[1] in
@@CASES@@
    esac
}
"""


def script(tree: Node) -> str:
    """Write the script."""
    return filled(
        _SCRIPT,
        globals="\n".join(_lines(tree.options)),
        functions="\n".join(_group(node) if node.children else _verb(node) for node in tree.walk()),
    )


def _function(node: Node) -> str:
    return "_".join(("_bkendctl", *node.path)) if node.path else "_bkendctl_top"


def _group(node: Node) -> str:
    verbs = [f"        {_quoted(f'{child.path[-1]}:{_text(child.summary)}')}" for child in node.children]
    cases = [f"    {child.path[-1]}) {_function(child)} ;;" for child in node.children]
    return filled(_GROUP, name=_function(node), verbs="\n".join(verbs), cases="\n".join(cases))


def _verb(node: Node) -> str:
    lines = [*_lines(node.options), *(f"        {_quoted(_argument(each))}" for each in node.arguments)]
    specs = "".join(f" \\\n{line}" for line in lines)
    return f"{_function(node)}() {{\n    _arguments -s $globals{specs}\n}}\n"


def _lines(options: tuple[Parameter, ...]) -> list[str]:
    return [f"        {_quoted(spec)}" for option in options for spec in _option(option)]


def _option(option: Parameter) -> list[str]:
    """One spec per name; the names exclude each other unless the option may be repeated."""
    names = (*option.names, *option.negative)
    before = "*" if option.repeated else f"({' '.join(names)})" if len(names) > 1 else ""
    after = f":{_text(_label(option))}:{_action(option)}" if option.metavar else ""
    return [
        f"{before}{name}{'=' if after and name.startswith('--') else ''}[{_text(option.help)}]{after}"
        for name in names
    ]


def _argument(argument: Parameter) -> str:
    return f"{':' if argument.required else '::'}{_text(_label(argument))}:{_action(argument)}"


def _label(parameter: Parameter) -> str:
    return parameter.help.rstrip(".") if parameter.choices else (parameter.metavar or "").lower()


def _action(parameter: Parameter) -> str:
    offered = offer(parameter)
    if offered == "@files":
        return "_files"
    if offered == "@":
        return " "
    return f"{{_bkendctl_values {offered[1:]}}}" if offered.startswith("@") else f"({offered})"


def _text(text: str) -> str:
    for special in "\\[]:":
        text = text.replace(special, f"\\{special}")
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
