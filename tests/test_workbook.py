"""tables.xlsx holds what the CSV tables hold: every number bit for bit, every text whole and inert; the columns are all explained."""

import csv
import io
import re
import zipfile
from xml.etree import ElementTree

import openpyxl
import pytest
from test_docs import generator

from pipeline import workbook
from pipeline.__main__ import main
from pipeline.columns import COLUMNS
from pipeline.errors import BadInput, RunFault
from pipeline.evaluation.records import TABLES as EVALUATED
from pipeline.layout import LEDGER, SCENE_TABLES, SENSITIVITY, TABLES
from pipeline.tables import plain, read_table, write_csv
from pipeline.workbook import write_workbook

SCRIPT, LINK, LONG = "<img src=x onerror=alert(1)>", '=HYPERLINK("http://x")', "江仓矿区四号井北侧排土场复垦监测区" * 4
LONG = LONG[:60]
NAMES = [SCRIPT, LINK, LONG, "007", "1e5", "http://x.org/a", "'=1+1", "+86 971", "TRUE", "#N/A", "{=1}", "mailto:a@b", "a\nb", "_x0041_", '"q", r']
ACTIVE = re.compile(rb"<f[ >/]|<hyperlink|Target=\"http|TargetMode")


def fields(path):
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle))


def cells(sheet):
    return [list(row) for row in sheet.iter_rows()]


def same(sheet, rows, names):
    """Assert that a sheet holds the rows of a CSV file, cell by cell; return how many numbers were compared."""
    head, *body = cells(sheet)
    assert [c.value for c in head] == [COLUMNS[n].heading for n in names]
    assert len(body) == len(rows)
    numbers = 0
    for found, wanted in zip(body, rows, strict=True):
        for cell, text, name in zip(found, wanted, names, strict=True):
            where = (sheet.title, cell.coordinate, text)
            if text == "":
                assert cell.value is None, where
            elif COLUMNS[name].format == "@":
                assert (cell.data_type, cell.value) == ("s", plain(text)), where
            else:
                assert (cell.data_type, cell.number_format) == ("n", COLUMNS[name].format), where
                assert float(cell.value).hex() == float(text).hex(), where
                numbers += 1
    return numbers


def content(path):
    """Return every part of a workbook, joined."""
    with zipfile.ZipFile(path) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


def strings(path):
    """Return the shared strings of a workbook, read without openpyxl, escapes of control characters undone."""
    with zipfile.ZipFile(path) as archive:
        root = ElementTree.parse(io.BytesIO(archive.read("xl/sharedStrings.xml"))).getroot()
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    texts = ["".join(t.text or "" for t in item.iter(f"{space}t")) for item in root.iter(f"{space}si")]
    return {re.sub(r"_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), text) for text in texts}


@pytest.fixture(scope="module")
def book(jiangcang):
    return openpyxl.load_workbook(jiangcang.results / "jiangcang" / "tables.xlsx")


def test_the_run_of_the_default_mine_writes_every_table(book):
    assert book.sheetnames == ["columns", *TABLES, SENSITIVITY, *SCENE_TABLES, LEDGER]
    assert all(len(name) <= 31 for name in book.sheetnames)


@pytest.mark.parametrize("name", [*TABLES, SENSITIVITY, *SCENE_TABLES, LEDGER])
def test_every_cell_is_that_of_the_csv(book, jiangcang, name):
    names, *rows = fields(jiangcang.results / "jiangcang" / "sentinel-2" / f"{name}.csv")
    if "sensor" not in names:
        names, rows = ["sensor", *names], [["sentinel-2", *row] for row in rows]
    numbers = same(book[name], rows, names)
    assert numbers > 0 or name == LEDGER


@pytest.mark.parametrize("name", [*TABLES, SENSITIVITY, *SCENE_TABLES, LEDGER])
def test_header_is_frozen_and_filters_cover_the_table(book, name):
    sheet = book[name]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == sheet.dimensions
    assert all(5 <= d.width <= workbook.WIDEST + 2 for d in sheet.column_dimensions.values())
    assert len(sheet.column_dimensions) > 0


def test_shares_have_two_decimals_p_and_areas_four(book):
    sheet = book["trend_area_by_zone"]
    shown = {head.value: cell.number_format for head, cell in zip(sheet[1], sheet[2], strict=True)}
    assert (shown["share_pct (%)"], shown["p_min"], shown["area_km2 (km2)"], shown["area_ha (ha)"]) == ("0.00", "0.0000", "0.0000", "0.0000")
    assert (shown["first_year"], shown["code"]) == ("0", "0")


def test_the_first_sheet_explains_every_column_of_the_others(book):
    head, *rows = [[c.value for c in row] for row in cells(book["columns"])]
    assert head == list(workbook.EXPLAINED)
    heads = {sheet.title: [c.value for c in sheet[1]] for sheet in book.worksheets[1:]}
    for name, unit, tables, meaning, chinese in rows:
        label = f"{name} ({unit})" if unit else name
        assert tables.split(", ") == [t for t, h in heads.items() if label in h]
        assert meaning and re.search(r"[\u4e00-\u9fff]", chinese)
    assert {f"{r[0]} ({r[1]})" if r[1] else r[0] for r in rows} == {c for h in heads.values() for c in h}


def test_the_registry_has_the_columns_of_the_tables_and_no_other():
    tables = generator().TABLES
    assert set(tables) == {*TABLES, SENSITIVITY, *SCENE_TABLES, LEDGER, "mines", "methods", "methods_effects"}
    assert set(generator().EVALUATED) == set(EVALUATED)
    named = {column for columns in (tables | generator().EVALUATED).values() for column in columns}
    assert named - set(COLUMNS) == set(), "a column without a record in pipeline/columns.py"
    assert set(COLUMNS) - named == set(), "a record of a column that no table has"


def test_every_csv_table_of_a_run_is_known(jiangcang):
    tables = generator().TABLES
    paths = [p for p in jiangcang.results.rglob("*.csv") if "logs" not in p.parts]
    assert {p.stem: tuple(fields(p)[0]) for p in paths} == tables


def test_every_table_has_room_for_a_number_in_its_sheet_s_name():
    names = [*TABLES, *SCENE_TABLES, SENSITIVITY, LEDGER, *EVALUATED]
    assert max(map(len, names)) <= 31 - len(" 9")


@pytest.mark.parametrize("column", COLUMNS.values(), ids=str)
def test_a_record_is_complete(column):
    assert column.meaning and "|" not in column.meaning + column.meaning_zh
    assert re.search(r"[\u4e00-\u9fff]", column.meaning_zh)
    assert re.fullmatch(r"@|0(\.0+)?", column.format)
    assert not column.unit or column.format != "@"
    assert (column.unit == "%") == column.name.endswith("_pct")
    assert (column.unit == "km2") == column.name.endswith("_km2")


def test_hostile_zone_names_of_a_run_are_whole_and_inert_in_csv_and_workbook(small_mine):
    small_mine.zones = [(name, zone) for name, (_, zone) in zip((SCRIPT, LINK), small_mine.zones, strict=True)]
    west, north = small_mine.west, small_mine.north
    from shapely.geometry import box

    small_mine.zones.append((LONG, box(west + 360, north - 250, west + 390, north - 50)))
    small_mine.settings["aoi"] = {"path": str(small_mine.folder / "aoi.gpkg"), "zone_field": "zone", "reference": [LINK]}
    folder = small_mine.run()
    assert main(["workbook", str(small_mine.config), "--results", str(small_mine.results)]) == 0
    target = small_mine.results / "small" / "tables.xlsx"
    book = openpyxl.load_workbook(target)
    assert book.sheetnames == ["columns", *TABLES, SENSITIVITY, LEDGER]  # composites do not tell what scenes showed
    for name in (*TABLES, SENSITIVITY, LEDGER):
        names, *rows = fields(folder / f"{name}.csv")
        if name == LEDGER:
            names, rows = ["sensor", *names], [["sentinel-2", *row] for row in rows]
        same(book[name], rows, names)
    in_csv = {row[2] for row in fields(folder / "fvc_by_zone.csv")[1:]}
    assert in_csv == {SCRIPT, "'" + LINK, LONG}
    assert len(LONG) == 60
    assert {c.value for c in book["fvc_by_zone"]["C"][1:]} == {SCRIPT, LINK, LONG}
    assert ACTIVE.search(content(target)) is None
    assert b"<img" not in content(target)


def test_missing_is_an_empty_cell_and_zero_is_zero(tmp_path):
    write_csv(tmp_path / "t.csv", ("zone", "p", "area_km2"), [{"zone": "a", "p": None, "area_km2": 0.0}])
    write_workbook(tmp_path / "t.xlsx", {"t": {"sentinel-2": tmp_path / "t.csv"}})
    head, row = cells(openpyxl.load_workbook(tmp_path / "t.xlsx")["t"])
    assert [c.value for c in head] == ["sensor", "zone", "p", "area_km2 (km2)"]
    assert [c.value for c in row] == ["sentinel-2", "a", None, 0]


NUMBERS = [0.1, 1 / 3, 1e-300, 123456789.123456789, 2 / 7, -0.1 - 0.2, 5e-324, 1.7976931348623157e308, 2.4999988560038577, 0.30000000000000004, -0.0, 1e22]


def test_numbers_are_those_of_the_csv_bit_for_bit(tmp_path):
    write_csv(tmp_path / "t.csv", ("sensor", "slope"), [{"sensor": "x", "slope": v} for v in NUMBERS])
    write_workbook(tmp_path / "t.xlsx", {"t": {"x": tmp_path / "t.csv"}})
    found = re.findall(rb"<c r=\"B\d+\" s=\"\d+\"><v>([^<]+)</v>", content(tmp_path / "t.xlsx"))
    assert [float(v).hex() for v in found] == [v.hex() for v in NUMBERS]


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_what_no_cell_can_hold_as_number_is_text(tmp_path, value):
    write_csv(tmp_path / "t.csv", ("sensor", "ratio"), [{"sensor": "x", "ratio": value}])
    write_workbook(tmp_path / "t.xlsx", {"t": {"x": tmp_path / "t.csv"}})
    assert openpyxl.load_workbook(tmp_path / "t.xlsx")["t"]["B2"].value == str(value)


def test_names_that_look_like_something_else_stay_text(tmp_path):
    write_csv(tmp_path / "t.csv", ("sensor", "zone"), [{"sensor": "x", "zone": name} for name in NAMES])
    write_workbook(tmp_path / "t.xlsx", {"t": {"x": tmp_path / "t.csv"}})
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx")["t"]
    assert [(c.data_type, c.value, c.hyperlink) for c in sheet["B"][1:]] == [("s", name, None) for name in NAMES]
    assert {c.value for c in sheet["B"][1:] if c.quotePrefix} == {LINK, "+86 971"}
    assert ACTIVE.search(content(tmp_path / "t.xlsx")) is None


@pytest.mark.parametrize("name", ["a\rb", "a\r\nb", "tab\tin", "bell\x07", "\u202eleft", "  spaces  ", "⛏🌱", "\ufffe", "]]>", "&amp;", "_x000D_"])
def test_any_text_is_whole(tmp_path, name):
    write_csv(tmp_path / "t.csv", ("sensor", "zone"), [{"sensor": "x", "zone": name}])
    write_workbook(tmp_path / "t.xlsx", {"t": {"x": tmp_path / "t.csv"}})
    assert name in strings(tmp_path / "t.xlsx") or name == "_x000D_"
    assert name != "_x000D_" or b"_x005F_x000D_" in content(tmp_path / "t.xlsx")


@pytest.mark.parametrize("text", ["=1", "'=1", "''=1", "'quoted", "''", "-a", "'＝1", "plain", "\t=1"])
def test_plain_undoes_what_csv_does_to_text(tmp_path, text):
    write_csv(tmp_path / "t.csv", ("zone",), [{"zone": text}])
    assert read_table(tmp_path / "t.csv") == (["zone"], [[text]])
    assert not fields(tmp_path / "t.csv")[1][0].startswith(("=", "-", "\t", "＝"))


def test_equal_tables_give_equal_bytes_on_another_day_and_in_another_zone(jiangcang, tmp_path, monkeypatch):
    import time

    first = (jiangcang.results / "jiangcang" / "tables.xlsx").read_bytes()
    folder = jiangcang.results / "jiangcang" / "sentinel-2"
    names = (*TABLES, SENSITIVITY, *SCENE_TABLES, LEDGER)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86_400 * 400)
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert write_workbook(tmp_path / "again.xlsx", {n: {"sentinel-2": folder / f"{n}.csv"} for n in names}) == []
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (tmp_path / "again.xlsx").read_bytes() == first
    with zipfile.ZipFile(tmp_path / "again.xlsx") as archive:
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_rows_of_all_sensors_are_together_and_say_whose_they_are(tmp_path):
    for sensor in ("sentinel-2", "landsat"):
        write_csv(tmp_path / f"{sensor}.csv", ("zone", "offset"), [{"zone": sensor.upper(), "offset": -0.1}])
    write_workbook(tmp_path / "t.xlsx", {"zone_by_scene": {s: tmp_path / f"{s}.csv" for s in ("sentinel-2", "landsat")}})
    rows = [[c.value for c in row] for row in cells(openpyxl.load_workbook(tmp_path / "t.xlsx")["zone_by_scene"])]
    assert rows == [["sensor", "zone", "offset (reflectance)"], ["sentinel-2", "SENTINEL-2", -0.1], ["landsat", "LANDSAT", -0.1]]


def test_sensors_whose_tables_differ_stop_it(tmp_path):
    write_csv(tmp_path / "a.csv", ("sensor", "p"), [])
    write_csv(tmp_path / "b.csv", ("sensor", "n"), [])
    with pytest.raises(RunFault, match="another sensor"):
        write_workbook(tmp_path / "t.xlsx", {"t": {"a": tmp_path / "a.csv", "b": tmp_path / "b.csv"}})
    assert not (tmp_path / "t.xlsx").exists()


def test_a_table_too_long_for_a_sheet_goes_on_in_another(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "ROWS", 4)
    write_csv(tmp_path / "t.csv", ("sensor", "n"), [{"sensor": "x", "n": i} for i in range(9)])
    write_workbook(tmp_path / "t.xlsx", {"t": {"x": tmp_path / "t.csv"}})
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert book.sheetnames == ["columns", "t", "t 2", "t 3"]
    assert [c.value for sheet in book.worksheets[1:] for c in sheet["B"][1:]] == list(range(9))
    assert {sheet["B1"].value for sheet in book.worksheets[1:]} == {"n"}


def test_a_text_too_long_for_a_cell_is_cut_and_named(tmp_path):
    write_csv(tmp_path / "t.csv", ("sensor", "zone"), [{"sensor": "x", "zone": "长" * 40_000}])
    (line,) = write_workbook(tmp_path / "t.xlsx", {"t": {"x": tmp_path / "t.csv"}})
    assert line == "t, row 2, zone: cut at 32767 characters; whole in the CSV"
    assert openpyxl.load_workbook(tmp_path / "t.xlsx")["t"]["B2"].value == "长" * 32_767


def test_a_table_without_rows_has_its_header(tmp_path):
    write_csv(tmp_path / "t.csv", ("sensor", "zone"), [])
    write_workbook(tmp_path / "t.xlsx", {"t": {"x": tmp_path / "t.csv"}})
    assert [[c.value for c in row] for row in cells(openpyxl.load_workbook(tmp_path / "t.xlsx")["t"])] == [["sensor", "zone"]]


def test_the_old_workbook_stays_when_a_table_is_broken(tmp_path):
    (tmp_path / "t.xlsx").write_bytes(b"old")
    (tmp_path / "t.csv").write_text('sensor,n\n"x,1\n', encoding="utf-8")
    with pytest.raises(BadInput, match="content that no run wrote"):
        write_workbook(tmp_path / "t.xlsx", {"t": {"x": tmp_path / "t.csv"}})
    assert (tmp_path / "t.xlsx").read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "t.xlsx"]
