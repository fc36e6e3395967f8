"""`minegreen checktable`: what it says of the founding study's tables, exit codes, and files that are no table."""

import re

import pytest
from pages import DOCS

from pipeline.__main__ import main
from pipeline.evaluation.tablecheck import Row, check_table
from pipeline.evaluation.tablefile import read_rows, run

PAGE = (DOCS / "check-a-table.md").read_text(encoding="utf-8")
TABLES = dict(re.findall(r"^```csv (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
OUTPUT = dict(re.findall(r"^```\n\$ minegreen checktable (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def written(folder, text, name="table.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("name", ["pit-4.csv", "pit-5.csv"])
def test_the_page_shows_what_the_command_prints(name, tmp_path, capsys):
    assert main(["checktable", str(written(tmp_path, TABLES[name], name))]) == 3
    assert capsys.readouterr().out == OUTPUT[name]


def test_both_misprints_of_pit_5_and_that_of_pit_4_are_flagged(tmp_path, capsys):
    main(["checktable", str(written(tmp_path, TABLES["pit-5.csv"]))])
    out = capsys.readouterr().out
    assert "total: area 0.415 to 0.425 and share 17.655 to 17.665 % of decrease imply" in out
    assert "total: area 0.125 to 0.135 and share 5.76 to 5.78 % of no change imply" in out
    assert "part: area of no-significant decrease, at least 0.475, exceeds that of decrease" in out
    low, high = map(float, re.search(r"of decrease imply.*asks for an area of ([\d.]+) to ([\d.]+),", out).groups())
    assert low < 0.1766 * 2.24 / 0.7657 < high, "0.517, printed as 0.42"
    main(["checktable", str(written(tmp_path, TABLES["pit-4.csv"]))])
    out = capsys.readouterr().out
    assert re.findall(r"% of (.*) imply", out) == ["slightly significant decrease"]
    assert ".0032" in TABLES["pit-4.csv"]
    assert "area 0.00315 to 0.00325" in out


def test_mended_tables_are_left_alone(tmp_path, capsys):
    mended = TABLES["pit-5.csv"].replace("0.42,17.66", "0.52,17.66").replace("no change,0.13", "no change,0.17")
    assert main(["checktable", str(written(tmp_path, mended))]) == 0
    assert capsys.readouterr().out == "nothing in this table contradicts itself\n"
    assert run(written(tmp_path, TABLES["pit-4.csv"].replace(".0032,0.14", ".0032,0.13")))[1]
    assert run(written(tmp_path, TABLES["pit-4.csv"].replace(".0032,0.14", ".0034,0.14")))[1]


def test_total_and_incomplete_are_told_to_the_check(tmp_path):
    some = written(tmp_path, "name,area,share\na,6.0,60\nb,3.0,30\n")
    assert [line.split(":")[0] for line in run(some)[0]] == ["share sum", "area sum", "cannot be true"]
    assert run(some, complete=False)[1]
    assert main(["checktable", str(some), "--incomplete"]) == 0
    assert main(["checktable", str(some), "--incomplete", "--total", "10.0"]) == 0
    assert main(["checktable", str(some), "--incomplete", "--total", "12.0"]) == 3


def test_columns_in_any_order_blanks_empty_lines_quotes_and_a_byte_order_mark(tmp_path):
    text = '\ufeffshare, name ,area\r\n60,forest,"6,000"\r\n\r\n30,水体, 3000 \r\n,"a, b",1000\r\n'
    rows = read_rows(written(tmp_path, text))
    assert rows == [Row("forest", "6,000", "60"), Row("水体", "3000", "30"), Row("a, b", "1000", None)]
    assert check_table(rows) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "line 1\n  found:    nothing"),
        ("name;area;share\na;6;60\n", "found:    name;area;share"),
        ("name,area,percent\na,6,60\n", "found:    name,area,percent"),
        ("name,area,area\na,6,60\n", "found:    name,area,area"),
        ("area,share\n6,60\n", "found:    area,share"),
        ("name,area,share\na,6\n", "line 2\n  found:    2 cells\n  expected: 3"),
        ("name,area,share\na,3,085.74,60\n", "line 2\n  found:    4 cells"),
        ('name,area,share\na,"6,60\n', "unexpected end of data"),
        ("name,area,share\na,6 km2,60\n", "found:    area of a is '6 km2'\n  expected: a number from 0 as printed"),
        ("name,area,share\na,6,60\na,4,40\n", "found:    row 'a' is repeated"),
        ("name,area,share\na,,\n", "found:    row 'a' has neither area nor share\n  expected: at least one"),
        ("name,area,part_of\na,6,b\nb,6,a\n", "found:    no row is a class of its own"),
        ("name,area,part_of\na,6,\nb,6,c\n", "found:    row 'b' is part of 'c', which is no other row"),
        ("name,area,share\n", "found:    no row is a class of its own"),
        ("name,area,part_of\na,6,b\nb,6,a\nc,1,\n", "found:    rows 'a', 'b' are parts of each other in a circle"),
        ("name,area\na,6\n\n ,4\n", "line 4\n  found:    no name"),
        ("name,area\na,6\nTotal,6\n", "found:    row 'Total' is named as the whole\n  expected: classes and their parts alone"),
        ("name,area\na,6\n合计,6\n", "found:    row '合计' is named as the whole"),
        ('name,area\n"a\nb",6\n', "found:    row 'a\\nb' has control characters"),
        ("name,area\na\x1b[31m,6\n", "found:    row 'a\\x1b[31m' has control characters"),
        ("name,area\na," + "9" * 400 + "\n", "found:    area of a has 400 digits\n  expected: at most 30"),
        ("name,area\na," + "9" * 5000 + "\n", "found:    area of a has 5,000 digits"),
        ("name,area\n" + "".join(f"row {i},1\n" for i in range(1001)), "found:    1,001 rows\n  expected: at most 1,000"),
    ],
)
def test_a_file_that_is_no_table_exits_2_with_one_error(text, found, tmp_path, capsys):
    assert main(["checktable", str(written(tmp_path, text))]) == 2
    err = capsys.readouterr().err
    assert found in err
    assert err.count("fix:") == 1
    assert "Traceback" not in err


def test_no_file_another_encoding_and_a_total_that_is_no_number(tmp_path, capsys):
    assert main(["checktable", str(tmp_path / "none.csv")]) == 2
    assert "no such file" in capsys.readouterr().err
    assert main(["checktable", str(written(tmp_path, "name,area\n水体,6\n", encoding="gbk"))]) == 2
    assert "export it again as CSV in UTF-8" in capsys.readouterr().err
    assert main(["checktable", str(written(tmp_path, "name,area\na,6\n")), "--total", "six"]) == 2
    assert "total is 'six'" in capsys.readouterr().err
    assert main(["checktable", str(written(tmp_path, "name,area\na,6\n")), "--total", "1" + "0" * 400]) == 2
    assert "total has 401 digits" in capsys.readouterr().err
