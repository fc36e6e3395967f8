"""The notebook of `trend()` runs, and its stored outputs are what it gives."""

import base64
import importlib.util
import io

import nbformat
import numpy as np
import pytest
from PIL import Image
from running import ROOT


@pytest.fixture(scope="module")
def notebook():
    spec = importlib.util.spec_from_file_location("notebook", ROOT / "docs" / "notebook.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def stored(notebook):
    return notebook.read()


def cells(stored):
    return [cell for cell in stored["cells"] if cell["cell_type"] == "code"]


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_it_is_a_notebook_that_jupyter_opens(stored):
    nbformat.validate(nbformat.from_dict(stored))
    assert [cell["execution_count"] for cell in cells(stored)] == list(range(1, len(cells(stored)) + 1))


def test_stored_outputs_are_what_the_cells_give(notebook, stored):
    made = notebook.run(stored)
    assert len(made) == len(cells(stored)) >= 5
    for cell, outputs in zip(cells(stored), made, strict=True):
        assert [o["output_type"] for o in outputs] == [o["output_type"] for o in cell["outputs"]]
        for here, there in zip(outputs, cell["outputs"], strict=True):
            if here["output_type"] == "stream":
                assert "".join(here["text"]) == "".join(there["text"])
            else:
                now, then = (pixels(base64.b64decode(o["data"]["image/png"])) for o in (here, there))
                assert now.shape == then.shape
                assert np.abs(now - then).mean() < 1  # of 255: fonts may be drawn a little differently


def test_its_numbers_are_those_of_pymannkendall(stored):
    """The pixel inside the patch, from the notebook's own data, without `trend`."""
    import pymannkendall

    space = {}
    exec("".join(cells(stored)[0]["source"]).replace("print", "str"), space)
    series = space["cover"][:, 20, 30].values
    theirs = pymannkendall.original_test(series)
    (printed,) = ["".join(o["text"]) for cell in cells(stored) for o in cell["outputs"] if "nominal 90 %" in "".join(o.get("text", ""))]
    first = printed.splitlines()[:2]
    assert first[0].startswith(f"slope {theirs.slope:+.4f},")
    assert first[1].startswith(f"S {int(theirs.s)}, ")


def test_page_and_picture_are_those_of_the_notebook(notebook, stored):
    assert (ROOT / "docs" / "trend.md").read_text(encoding="utf-8") == notebook.page(stored), "run: python docs/notebook.py"
    assert notebook.PICTURE.read_bytes() == notebook.picture([cell["outputs"] for cell in cells(stored)]), "run: python docs/notebook.py"


def test_synthetic_data_are_called_so(notebook, stored):
    assert "**synthetic**" in "".join(stored["cells"][0]["source"])
    assert pixels(notebook.PICTURE.read_bytes()).std() > 20  # it is not an empty picture


def test_a_value_that_only_jupyter_would_show_is_refused(notebook):
    with pytest.raises(ValueError, match="a value on the last line"):
        notebook.run({"cells": [{"cell_type": "code", "source": ["x = 1\n", "x"]}]})
