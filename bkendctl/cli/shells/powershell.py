"""The completion script of PowerShell, 5.1 or newer: tables, and one completer that reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bkendctl.cli.shells import filled, offer, values
from bkendctl.cli.tree import Node

_SCRIPT = r"""# @@MARK@@

Register-ArgumentCompleter -Native -CommandName bkendctl -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $verbs = @{
@@VERBS@@
    }
    $options = @{
@@OPTIONS@@
    }
    $takes = @{
@@VALUES@@
    }
    $arguments = @{
@@ARGUMENTS@@
    }
    $summaries = @{
@@SUMMARIES@@
    }

    $path = ''
    $waiting = ''
    $profileName = ''
    $count = 0
    $before = $commandAst.CommandElements | Select-Object -Skip 1 | Where-Object {
        $_.Extent.EndOffset -lt $cursorPosition
    }
    foreach ($element in $before) {
        $word = $element.Extent.Text
        if ($waiting) {
            if ($waiting -in '-p', '--profile') { $profileName = $word }
            $waiting = ''
        } elseif ($word -like '--*=*') {
            if ($word -like '--profile=*') { $profileName = $word.Substring(10) }
        } elseif ($word -like '-*') {
            if ($takes.ContainsKey($word) -or $takes.ContainsKey("$path $word")) { $waiting = $word }
        } elseif ($verbs.ContainsKey($path)) {
            $path = "$path $word".Trim()
        } else {
            $count++
        }
    }

    $offered = ''
    if ($waiting) {
        $offered = if ($takes.ContainsKey($waiting)) { $takes[$waiting] } else { $takes["$path $waiting"] }
    } elseif ($wordToComplete -like '-*') {
        $offered = "$($options[$path]) $($options[''])"
    } elseif ($verbs.ContainsKey($path)) {
        $offered = $verbs[$path]
    } elseif ($arguments.ContainsKey($path)) {
        $offered = @($arguments[$path])[$count]
    }
    if (-not $offered -or $offered -in '@', '@files') { return }

    if ($offered -like '@*') {
        $lines = @(bkendctl completion values $offered.Substring(1) "$wordToComplete" "$profileName" 2>$null)
    } else {
        $lines = -split $offered
    }
    foreach ($line in $lines) {
        $value, $label = $line -split "`t", 2
        if (-not $value.StartsWith("$wordToComplete", 'OrdinalIgnoreCase')) { continue }
        if (-not $label) { $label = $summaries["$path $value".Trim()] }
        if (-not $label) { $label = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $label)
    }
}
"""


def script(tree: Node) -> str:
    """Write the script."""
    nodes = list(tree.walk())
    options = {
        " ".join(node.path): " ".join(
            name for option in node.options for name in (*option.names, *option.negative)
        )
        for node in nodes
        if node.options
    }
    return filled(
        _SCRIPT,
        verbs=_table(
            {" ".join(node.path): " ".join(each.path[-1] for each in node.children) for node in nodes},
            skip=True,
        ),
        options=_table(options),
        values=_table(values(tree)),
        arguments=_table(
            {" ".join(node.path): [offer(each) for each in node.arguments] for node in nodes}, skip=True
        ),
        summaries=_table({" ".join(node.path): node.summary for node in nodes if node.path}),
    )


def _table(rows: Mapping[str, str | Iterable[str]], *, skip: bool = False) -> str:
    return "\n".join(
        f"        {_quoted(name)} = {_quoted(value) if isinstance(value, str) else _list(value)}"
        for name, value in rows.items()
        if value or not skip
    )


def _list(values_: Iterable[str]) -> str:
    return f"@({', '.join(map(_quoted, values_))})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
