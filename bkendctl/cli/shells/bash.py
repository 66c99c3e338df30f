"""The completion script of bash, 3.2 or newer, with or without the bash-completion package."""

from __future__ import annotations

from bkendctl.cli.shells import filled, offer, values
from bkendctl.cli.tree import Node

# Words of users reach the line only through `values`, which gives plain ones alone; they are never
# evaluated: no compgen -W, which would run $(…) in them.
_SCRIPT = r"""# @@MARK@@

# Set $offer to what may follow the option $2 of the command $1; fail when it takes no value.
_bkendctl_value() {
    case "$2" in
@@GLOBAL_VALUES@@
    esac
    case "$1 $2" in
@@VALUES@@
    *) return 1 ;;
    esac
}

# Set $verbs, $options and $arguments of the command $1.
_bkendctl_command() {
    verbs='' options='' arguments=()
    case "$1" in
@@COMMANDS@@
    esac
}

# Join again what COMP_WORDBREAKS has torn apart: set $words, the last up to the cursor.
_bkendctl_words() {
    local line=${COMP_LINE:0:COMP_POINT} index word
    words=()
    for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ $line == [[:space:]]* ]] || ((index == 0)); then
            line=${line#"${line%%[![:space:]]*}"}
            words+=('')
        fi
        ((index == COMP_CWORD)) && word=$line
        words[${#words[@]}-1]+=$word
        line=${line#"$word"}
    done
}

_bkendctl() {
    local IFS=$' \t\n' words verbs options arguments offer='' path='' waiting='' profile='' count=0
    local index word current skipped='' found
    _bkendctl_words
    _bkendctl_command ''
    for ((index = 1; index < ${#words[@]} - 1; index++)); do
        word=${words[index]}
        if [[ -n $waiting ]]; then
            [[ $waiting == -p || $waiting == --profile ]] && profile=$word
            waiting=''
        elif [[ $word == --*=* ]]; then
            [[ $word == --profile=* ]] && profile=${word#*=}
        elif [[ $word == -* ]]; then
            _bkendctl_value "$path" "$word" && waiting=$word
        elif [[ -n $verbs ]]; then
            path=${path:+$path }$word
            _bkendctl_command "$path"
        else
            count=$((count + 1))
        fi
    done
    current=${words[${#words[@]}-1]}

    if [[ -n $waiting ]]; then
        _bkendctl_value "$path" "$waiting"
    elif [[ $current == --*=* ]]; then
        skipped=${current%%=*}=
        current=${current#*=}
        _bkendctl_value "$path" "${skipped%=}" || return
    elif [[ $current == -* ]]; then
        offer="$options @@GLOBALS@@"
    elif [[ -n $verbs ]]; then
        offer=$verbs
    else
        offer=${arguments[count]}
    fi

    found=()
    case $offer in
    '' | @) ;;
    @files)
        compopt -o filenames 2>/dev/null
        while IFS= read -r word; do found+=("$word"); done < <(compgen -f -- "$current")
        ;;
    @*)
        while IFS=$'\t' read -r word _; do found+=("$word"); done < <(
            command bkendctl completion values "${offer#@}" "$current" "$profile" 2>/dev/null </dev/null
        )
        ;;
    *)
        for word in $offer; do
            [[ $word == "$current"* ]] && found+=("$word")
        done
        ;;
    esac

    # Readline replaces $2 alone, which begins where COMP_WORDBREAKS tore the word.
    current=$skipped$current
    COMPREPLY=()
    for word in "${found[@]}"; do
        word=$skipped$word
        [[ $current == *"$2" ]] && word=${word#"${current%"$2"}"}
        COMPREPLY+=("$word")
    done
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

complete -F _bkendctl bkendctl
"""


def script(tree: Node) -> str:
    """Write the script."""
    all_values = values(tree)
    return filled(
        _SCRIPT,
        global_values="\n".join(
            _case(name, f"offer='{offered}'; return")
            for name, offered in all_values.items()
            if name.startswith("-")
        ),
        values="\n".join(
            _case(name, f"offer='{offered}'")
            for name, offered in all_values.items()
            if not name.startswith("-")
        ),
        commands="\n".join(_case(" ".join(node.path), _node(node)) for node in tree.walk()),
        globals=" ".join(name for option in tree.options for name in option.names),
    )


def _case(pattern: str, action: str) -> str:
    return f"    '{pattern}') {action} ;;"


def _node(node: Node) -> str:
    parts = []
    if node.children:
        parts.append(f"verbs='{' '.join(child.path[-1] for child in node.children)}'")
    if node.options and node.path:
        names = [name for option in node.options for name in (*option.names, *option.negative)]
        parts.append(f"options='{' '.join(names)}'")
    if node.arguments:
        parts.append(f"arguments=({' '.join(repr(offer(each)) for each in node.arguments)})")
    return " ".join(parts) or ":"
