"""Every command with its arguments and examples: from the help that it prints itself."""

from __future__ import annotations

import re

import typer

from corsac.cli.commands import app
from corsac.cli.ending import EPILOG
from site_pages.text import GENERATED, anchored, block, table

EXAMPLES = {
    "check": [
        "corsac check corsac.toml",
        "corsac check --env SHOP_CORS_",
        "corsac check 'api:create_app()' --app-dir src --strict",
        "corsac check corsac.toml --fix",
    ],
    "console": [
        "corsac console < pasted.txt",
        "corsac console --file selenium.log --engine chromium --json",
    ],
    "demo": ["corsac demo", "corsac demo --once"],
    "explain-code": ["corsac explain-code origin.invalid", "corsac explain-code corp --json"],
    "har": ["corsac har session.har", "corsac har session.har --policy corsac.toml --json"],
    "lab": ["corsac lab", "corsac lab corsac.toml --no-open"],
    "migrate": ["corsac migrate", "corsac migrate src --json", "corsac migrate --diff"],
    "explain": [
        "corsac explain corsac.toml --origin https://app.example.com --method DELETE --credentials",
        "corsac explain api:app --origin https://app.example.com --path /items --header X-Trace",
    ],
    "probe": [
        "corsac probe https://api.example.com/items --origin https://app.example.com --credentials",
        "corsac probe https://api.example.com/items --origin https://app.example.com --method PUT "
        "--header Content-Type:application/json --strict",
    ],
}


def page() -> str:
    """The page."""
    parts = [
        GENERATED + "# Every command\n",
        "What `corsac COMMAND --help` prints, with examples. How they belong together: "
        "[The command line](command-line.md).\n",
        f"{EPILOG}\n",
    ]
    group = typer.main.get_command(app)
    for name, command in sorted(group.commands.items()):  # type: ignore[attr-defined]
        context = typer.Context(command, info_name=f"corsac {name}")
        records = [each.get_help_record(context) for each in command.get_params(context)]
        example = (command.epilog or "").partition("For example: ")[2]
        lines = EXAMPLES.get(name) or [example]
        parts += [
            anchored(f"command-{name}", f"`corsac {name}`"),
            command.help + "\n",
            block("console", command.get_usage(context).removeprefix("Usage: ")),
            table(
                ["argument or option", "meaning"],
                [(f"`{names.strip()}`", _meaning(text)) for names, text in filter(None, records)],
            ),
            block("sh", "\n".join(lines)),
        ]
    return "\n".join(parts)


def _meaning(text: str) -> str:
    return (
        re.sub(r"\s+\[default: \(?(.+?)\)?\]", r" Default: \1.", text)
        .replace("  [required]", " Required.")
        .replace("<", "&lt;")
    )
