"""Make the tutorial's notebooks and pages from docs/source/tutorial.py.

The source has cells of code, and cells of text in each language, in which ``{{expression}}`` stands
for a value of the code. The code runs once; notebooks and pages get its output and these values, so
no number in them is typed by hand.
"""

import json
import re
from base64 import b64decode, b64encode
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from pimenton import compress

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "docs" / "source" / "tutorial.py"
LANGUAGES = ("en", "es")
DRAWN = {"en": "What the code above draws", "es": "Lo que dibuja el código de arriba"}
FIELD = re.compile(r"\{\{(.*?)\}\}", re.S)
VALUES = "import json as _json; print(_json.dumps([{}]))"


def cells_of(text: str) -> list[tuple[str, str]]:
    """Give the cells: a language or "code", and the content."""
    parts = re.split(r"^# %%(?: \[(\w+)\])?\n", text, flags=re.M)[1:]
    cells = []
    for kind, body in zip(parts[::2], parts[1::2], strict=True):
        if kind:
            body = "\n".join(line[2:] for line in body.splitlines())
        cells.append((kind or "code", body.strip()))
    return cells


def fields_of(cells: list[tuple[str, str]]) -> list[str]:
    """Give the expressions in the texts, each once."""
    found = [field for kind, body in cells if kind != "code" for field in FIELD.findall(body)]
    return list(dict.fromkeys(found))


def executed(
    cells: list[tuple[str, str]], folder: Path
) -> tuple[list[nbformat.NotebookNode], dict[str, str]]:
    """Run the code; give its cells with their output, and the values of the texts' expressions."""
    fields = fields_of(cells)
    values = ", ".join(f'f"""{{{field}}}"""' for field in fields)
    code = [body for kind, body in cells if kind == "code"] + [VALUES.format(values)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(body) for body in code])
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
    *run, last = notebook.cells
    return run, dict(zip(fields, json.loads(last.outputs[0]["text"]), strict=True))


def told(body: str, lang: str, values: dict[str, str]) -> str:
    """Put the values into a text, with the language's way of writing numbers."""

    def written(match: re.Match[str]) -> str:
        value = values[match[1]]
        return spanish(value) if lang == "es" else value

    return FIELD.sub(written, body)


def spanish(number: str) -> str:
    """Write a number as Spanish does: decimal comma, thin spaces from five digits on."""
    whole, point, rest = number.partition(".")
    whole = whole.replace(",", "\u202f" if len(whole) > len("9,999") else "")
    return whole + point.replace(".", ",") + rest.replace("%", "\u202f%") if point else whole


def notebook_of(
    cells: list[tuple[str, str]],
    run: list[nbformat.NotebookNode],
    values: dict[str, str],
    lang: str,
) -> nbformat.NotebookNode:
    """Join texts of one language with the code and its output."""
    code = iter(run)
    made = []
    for kind, body in cells:
        if kind == "code":
            made.append(next(code))
        elif kind == lang:
            made.append(nbformat.v4.new_markdown_cell(told(body, lang, values)))
    for i, cell in enumerate(made):
        cell.id = f"cell-{i}"
        cell.metadata = {}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel})


def shrink_pictures(run: list[nbformat.NotebookNode]) -> None:
    """Compress the pictures in the output, by what the tutorial is about."""
    for cell in run:
        for output in cell.outputs:
            picture = output.get("data", {}).get("image/png")
            if picture:
                small = compress(b64decode(picture), n_colors=256).data
                output["data"]["image/png"] = b64encode(small).decode("ascii")


def page_of(notebook: nbformat.NotebookNode, lang: str) -> str:
    """Write a notebook as a page, its pictures as files beside it."""
    parts = []
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```py\n{cell.source}\n```")
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                name = f"images/tutorial_{i}.png"
                (ROOT / "docs" / name).write_bytes(b64decode(data["image/png"]))
                parts.append(f"![{DRAWN[lang]}]({name})")
            elif "text/html" in data:
                parts.append(data["text/html"])
            else:
                text = output.get("text") or data["text/plain"]
                parts.append(f"```text\n{text.rstrip()}\n```")
    notice = f"<!-- Made by tools/tutorial.py from docs/source/{SOURCE.name}. -->"
    return "\n\n".join([notice, *parts]) + "\n"


def main() -> None:
    """Write notebooks and pages."""
    cells = cells_of(SOURCE.read_text("utf-8"))
    run, values = executed(cells, ROOT / "examples")
    shrink_pictures(run)
    for lang in LANGUAGES:
        notebook = notebook_of(cells, run, values, lang)
        nbformat.write(notebook, ROOT / "examples" / f"tutorial.{lang}.ipynb")
        (ROOT / "docs" / f"tutorial.{lang}.md").write_text(page_of(notebook, lang), "utf-8")


if __name__ == "__main__":
    main()
