"""Each Chinese page says what its English page says: headings, commands, keys, tables, numbers."""

import pytest
from pages import DOCS, sections

from pipeline.classes import LEGEND

PAIRS = ("quick-start.md", "reading.md", "methods.md")


def both(name):
    return [sections((DOCS / folder / name).read_text(encoding="utf-8")) for folder in (".", "zh")]


def test_these_are_all_the_chinese_pages():
    assert {p.name for p in (DOCS / "zh").iterdir()} == set(PAIRS)


@pytest.mark.parametrize("name", PAIRS)
def test_headings_agree_in_number_level_and_order(name):
    english, chinese = both(name)
    assert [s.level for s in english] == [s.level for s in chinese]
    same = {e.title for e, c in zip(english, chinese, strict=True) if e.title == c.title}
    assert same <= {"NDVI"}  # everything else was translated


@pytest.mark.parametrize("name", PAIRS)
def test_sections_agree_in_commands_keys_tables_and_numbers(name):
    english, chinese = both(name)
    for e, c in zip(english, chinese, strict=True):
        assert e.blocks == c.blocks, e.title
        assert e.code == c.code, e.title
        assert e.numbers == c.numbers, e.title
        assert [[len(row) for row in t] for t in e.tables] == [[len(row) for row in t] for t in c.tables], e.title
        assert e.text.count("\n- ") == c.text.count("\n- "), e.title


@pytest.mark.parametrize("name", PAIRS)
def test_numbers_in_tables_stand_in_the_same_cells(name):
    english, chinese = both(name)
    for e, c in zip(english, chinese, strict=True):
        for here, there in zip(e.tables, c.tables, strict=True):
            for row, other in zip(here, there, strict=True):
                for cell, its in zip(row, other, strict=True):
                    try:
                        assert float(cell) == float(its)
                    except ValueError:
                        assert not cell or its, (e.title, row)


def test_classes_have_their_names_of_the_legend():
    label = {c.label: c.label_zh for c in LEGEND}
    english, chinese = both("reading.md")
    found = 0
    for e, c in zip(english, chinese, strict=True):
        for here, there in zip(e.tables, c.tables, strict=True):
            for row, other in zip(here, there, strict=True):
                for cell, its in zip(row, other, strict=True):
                    if cell in label:
                        assert its == label[cell]
                        found += 1
    assert found >= 8


@pytest.mark.parametrize("name", PAIRS)
def test_each_page_links_to_its_twin(name):
    english, chinese = both(name)
    assert f"[中文](zh/{name})" in english[0].text
    assert f"[English](../{name})" in chinese[0].text
    assert f"[中文](zh/{name})" in (DOCS / "index.md").read_text(encoding="utf-8")


def test_a_change_on_one_page_alone_is_seen(tmp_path, monkeypatch):
    """The comparison fails for a number, a key, a command, a row, a heading that only the English page has."""
    import test_translation as here

    (tmp_path / "zh").mkdir()
    monkeypatch.setattr(here, "DOCS", tmp_path)
    for name in PAIRS:
        text = (DOCS / name).read_text(encoding="utf-8")
        (tmp_path / "zh" / name).write_text((DOCS / "zh" / name).read_text(encoding="utf-8"), encoding="utf-8")
        for more in ("99.5", "`trend.new_key`", "\n```\nminegreen check x\n```\n", "\n- one more", "\n| a | b |\n|---|---|\n| c | d |\n"):
            (tmp_path / name).write_text(f"{text}\n{more}\n", encoding="utf-8")
            with pytest.raises(AssertionError):
                here.test_sections_agree_in_commands_keys_tables_and_numbers(name)
        (tmp_path / name).write_text(f"{text}\n## One more\n", encoding="utf-8")
        with pytest.raises(AssertionError):
            here.test_headings_agree_in_number_level_and_order(name)
