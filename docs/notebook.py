"""Run a notebook in this process, and write it as a page: `python docs/notebook.py` does both for docs/notebooks/trend.ipynb."""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NOTEBOOK = HERE / "notebooks" / "trend.ipynb"
PICTURE = HERE / "images" / "trend-notebook.png"


def read() -> dict[str, Any]:
    """Return the stored notebook."""
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


def run(notebook: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the outputs of each code cell: what it prints, and its figure as PNG; no Jupyter is needed.

    A cell shows what it prints: a value on its last line would be shown by Jupyter alone, and is refused.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    space: dict[str, Any] = {}
    every = []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        last = ast.parse(source).body[-1]
        if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Call):
            raise ValueError(f"a value on the last line: {source!r}")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source.replace("plt.show()", ""), "cell", "exec"), space)
        out: list[dict[str, Any]] = []
        if printed.getvalue():
            out.append({"name": "stdout", "output_type": "stream", "text": printed.getvalue().splitlines(keepends=True)})
        for number in plt.get_fignums():
            png = io.BytesIO()
            plt.figure(number).savefig(png, dpi=100, metadata={"Software": None})
            plt.close(number)
            image = base64.b64encode(png.getvalue()).decode()
            out.append({"data": {"image/png": image, "text/plain": ["<Figure>"]}, "metadata": {}, "output_type": "display_data"})
        every.append(out)
    return every


def page(notebook: dict[str, Any]) -> str:
    """Return docs/trend.md: the cells in order, with their stored outputs."""
    parts = []
    for i, cell in enumerate(notebook["cells"]):
        source = "".join(cell["source"])
        parts.append(f"```python\n{source}\n```" if cell["cell_type"] == "code" else source)
        for output in cell.get("outputs", ()):
            if output["output_type"] == "stream":
                parts.append(f"```text\n{''.join(output['text'])}```")
            else:
                parts.append("![Two maps of the synthetic stack: slope, and pixels with p <= 0.05](images/trend-notebook.png)")
        if i == 0:
            parts.append("This page is the notebook `docs/notebooks/trend.ipynb`; open it in Jupyter to try it on your own data.")
    return "\n\n".join(parts) + "\n"


def picture(outputs: list[list[dict[str, Any]]]) -> bytes:
    """Return the one figure of the notebook's outputs, as PNG."""
    (png,) = (o["data"]["image/png"] for cell in outputs for o in cell if o["output_type"] == "display_data")
    return base64.b64decode(png)


if __name__ == "__main__":
    notebook = read()
    outputs = run(notebook)
    code = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    for count, (cell, made) in enumerate(zip(code, outputs, strict=True), 1):
        cell.update(execution_count=count, outputs=made)
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PICTURE.write_bytes(picture(outputs))
    (HERE / "trend.md").write_text(page(notebook), encoding="utf-8")
