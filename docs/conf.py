"""Settings of the documentation site, and the pages of it that are made from the code."""

import argparse
import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pimenton
from pimenton.cli import COMMANDS

project = "pimenton"
copyright = "pimenton authors, MIT licence"
release = pimenton.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["source"]
html_theme = "furo"
html_title = "pimenton"
html_show_sphinx = False
html_static_path = ["static"]
templates_path = ["templates"]
html_js_files = ["access.js"]
# Options are to be read as they are typed.
smartquotes = False
html_theme_options = {
    # The theme puts them outside of every landmark.
    "top_of_page_buttons": [],
    "light_css_variables": {
        "color-brand-primary": "#a8321a",
        "color-brand-content": "#a8321a",
        "color-brand-visited": "#7a2c4a",
    },
    "dark_css_variables": {
        "color-brand-primary": "#ff9472",
        "color-brand-content": "#ff9472",
        "color-brand-visited": "#e0a0c0",
    },
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_use_ivar = True
napoleon_use_rtype = False
myst_heading_anchors = 3
# Pages are read in the repository too, where links to code and folders lead somewhere.
suppress_warnings = [
    "myst.xref_missing",
    "myst.header",
    "misc.highlighting_failure",
    "ref.footnote",
]

GENERATED = Path(__file__).parent / "generated"
# Modules that are used by their own name, besides what the package exports.
MODULES = {
    "pimenton.plots": "Plots",
    "pimenton.curve": "How many colors",
    "pimenton.explain": "The page that tells K-means",
    "pimenton.compare": "The page that compares",
    "pimenton.page": "Pictures on pages",
}


def command_section(command: str, help: str) -> list[str]:
    """Describe a command: by its parser, or by the usage it writes itself."""
    module = import_module(f"pimenton.cli.{command}")
    if not hasattr(module, "add_arguments"):
        return [f"## {command}", help, f"```text\n{module.USAGE.strip()}\n```"]
    parser = argparse.ArgumentParser(
        prog=f"pimenton {command}",
        add_help=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=88),
    )
    module.add_arguments(parser)
    for action in parser._actions:
        action.help = explained(action)
        if action.choices:
            action.metavar = action.dest.upper()
    usage = parser.format_usage().removeprefix("usage: ").rstrip()
    rows = [f"| {written(a)} | {a.help} |" for a in parser._actions]
    table = "\n".join(["| argument | what it does |", "| --- | --- |", *rows])
    return [f"## {command}", help, f"```text\n{usage}\n```", table]


def written(action: argparse.Action) -> str:
    """Write an argument as it is typed."""
    value = action.metavar or ""
    if not action.option_strings:
        return f"`{value}`"
    takes = action.nargs != 0
    names = ", ".join(action.option_strings) + (f" {value}" if takes and value else "")
    return f"`{names}`"


def explained(action: argparse.Action) -> str:
    """Say what an argument does, and what it may be."""
    choices = f" One of {', '.join(map(str, action.choices))}." if action.choices else ""
    return f"{action.help or ''}{choices}"


def commands_page() -> str:
    """Describe every command, as its parser has it."""
    parts = ["# Command line", "`pimenton IN` is short for `pimenton compress IN`."]
    for command, help in COMMANDS.items():
        parts += command_section(command, help)
    parts.append("Exit status: 0 done, 1 some input failed, 2 wrong usage.")
    return "\n\n".join(parts) + "\n"


def api_page() -> str:
    """List what the package exports, and what its other modules for users have."""
    parts = [heading("Python", "="), heading("pimenton", "-")]
    parts += [described("pimenton", name) for name in pimenton.__all__]
    for module, title in MODULES.items():
        found = import_module(module)
        own = [
            name
            for name, value in vars(found).items()
            if getattr(value, "__module__", "") == module
            and not name.startswith("_")
            and (inspect.isfunction(value) or inspect.isclass(value))
            and value.__doc__
        ]
        parts += [heading(f"{module}: {title}", "-")]
        parts += [described(module, name) for name in own]
    return "\n\n".join(parts) + "\n"


def heading(words: str, line: str) -> str:
    """Underline a heading."""
    return f"{words}\n{line * len(words)}"


def described(module: str, name: str) -> str:
    """Name an object for autodoc."""
    value = getattr(import_module(module), name)
    if inspect.isfunction(value):
        return f".. autofunction:: {module}.{name}"
    kind = "autoexception" if issubclass(value, Exception) else "autoclass"
    return f".. {kind}:: {module}.{name}\n   :members:"


def generate(app: Any) -> None:
    """Write the pages that come from the code."""
    GENERATED.mkdir(exist_ok=True)
    (GENERATED / "commands.md").write_text(commands_page(), "utf-8")
    (GENERATED / "api.rst").write_text(api_page(), "utf-8")


def tell_language(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Say that a page is in Spanish, for who listens to it."""
    if page.endswith(".es"):
        context["language"] = "es"


def setup(app: Any) -> None:
    """Have pages written before the site is built, and their language told."""
    app.connect("builder-inited", generate)
    app.connect("html-page-context", tell_language)
