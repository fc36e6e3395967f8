"""CSV tables: what a spreadsheet or the csv module reads is what was meant."""

import csv
import math

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.tables import cell, read_csv, write_csv

AWKWARD = ["Pit, No. 4", 'the "old" dump', "two\nlines", "江仓矿区", "шахта ⛏ 🌱", "  spaces kept  ", "semi;colon", "tab\tinside", "''", "\u202eright to left"]


def read(path):
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://x","y")', "=cmd|' /C calc'!A0"])
def test_text_that_a_spreadsheet_would_run_is_made_inert(tmp_path, text):
    write_csv(tmp_path / "t.csv", ("zone", "n"), [{"zone": text, "n": 1}])
    ((_, _), (zone, n)) = read(tmp_path / "t.csv")
    assert zone == "'" + text
    assert n == "1"


@pytest.mark.parametrize("text", ["＝1+1", "＋1", "－1", "＠SUM(A1)"])
def test_full_width_formula_signs_are_made_inert_too(text):
    assert cell(text) == "'" + text  # spreadsheets with an East Asian locale run them


@pytest.mark.parametrize("text", ["a=1", "Pit-4", "'quoted", "1+1", ""])
def test_other_text_is_left_alone(text):
    assert cell(text) == text


@pytest.mark.parametrize("number", [-3, -0.25, -1e-300, -math.inf])
def test_negative_numbers_are_numbers(number):
    assert float(cell(number)) == number


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-17, 123456789.123456789, -(2.0**-1074), np.nextafter(1.0, 2.0), np.float64(2) / 7])
def test_floats_come_back_bit_for_bit(tmp_path, value):
    write_csv(tmp_path / "t.csv", ("x",), [{"x": value}])
    assert float(read(tmp_path / "t.csv")[1][0]) == value


@pytest.mark.parametrize("value", [None, math.nan, np.nan, np.float64("nan"), np.float32("nan")])
def test_missing_is_an_empty_cell(value):
    assert cell(value) == ""


def test_zero_is_not_missing():
    assert (cell(0), cell(0.0), cell(np.float64(0))) == ("0", "0.0", "0.0")


@pytest.mark.parametrize("text", AWKWARD)
def test_any_text_comes_back_as_it_was(tmp_path, text):
    write_csv(tmp_path / "t.csv", ("zone", "area"), [{"zone": text, "area": 1.5}, {"zone": "next", "area": None}])
    assert read(tmp_path / "t.csv") == [["zone", "area"], [text, "1.5"], ["next", ""]]


@pytest.mark.parametrize("text", ["one\rreturn", "two\r\nlines"])
def test_carriage_returns_come_back_as_they_were(tmp_path, text):
    write_csv(tmp_path / "t.csv", ("zone",), [{"zone": text}])
    assert read(tmp_path / "t.csv") == [["zone"], [text]]


def test_one_header_row_in_the_order_of_the_columns(tmp_path):
    write_csv(tmp_path / "t.csv", ("b", "a"), [{"a": 1, "b": 2}])
    assert (tmp_path / "t.csv").read_bytes() == b"b,a\n2,1\n"
    write_csv(tmp_path / "t.csv", ("b", "a"), [])
    assert (tmp_path / "t.csv").read_bytes() == b"b,a\n"


def test_a_missing_column_writes_nothing(tmp_path):
    with pytest.raises(KeyError):
        write_csv(tmp_path / "t.csv", ("a", "b"), [{"a": 1, "b": 2}, {"a": 1}])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["=1+1", "\t=1", "＠SUM(A1)", "'quoted", "'", "", *AWKWARD])
def test_rows_come_back_as_text_without_what_made_them_inert(tmp_path, text):
    write_csv(tmp_path / "t.csv", ("zone", "n"), [{"zone": text, "n": -0.5}, {"zone": "b", "n": None}])
    assert read_csv(tmp_path / "t.csv") == [{"zone": text, "n": "-0.5"}, {"zone": "b", "n": ""}]


@pytest.mark.parametrize("text", ["", "a,b\n1\n", "a,b\n1,2,3\n", 'a,b\n"1,2\n'])
def test_a_table_that_is_empty_or_cut_off_is_one_clear_error(tmp_path, text):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=r"t\.csv: tables, line [12]\n  found:    content that no run wrote"):
        read_csv(tmp_path / "t.csv")
