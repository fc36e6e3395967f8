"""The strict YAML loader: plain documents pass with the line of every key, everything surprising is refused by line."""

import re

import pytest

from pipeline import yamlfile
from pipeline.errors import BadInput


@pytest.fixture
def load(tmp_path):
    """Return a function that loads text or bytes as a YAML file."""

    def call(content):
        path = tmp_path / "x.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return yamlfile.load(path)

    return call


@pytest.fixture
def refused(load):
    """Return a function that loads what must be refused, and returns the error: complete, printable, four lines."""

    def call(content):
        with pytest.raises(BadInput) as caught:
            load(content)
        error = caught.value
        assert "x.yaml" in error.where
        assert all([error.field, error.found, error.expected, error.fix])
        assert [line.isprintable() for line in str(error).split("\n")] == [True] * 4
        assert len(str(error)) < 2000
        return error

    return call


def test_keys_and_list_items_know_their_lines_and_what_was_typed(load):
    document = load("a: 1\r\nb:\r\n  c: [x, 0.50]\r\n  d:\r\n    - y\r\n")
    assert document.data == {"a": 1, "b": {"c": ["x", 0.5], "d": ["y"]}}
    assert [document.lines[path] for path in [("a",), ("b", "c"), ("b", "d", 0)]] == [1, 3, 5]
    assert document.typed["b", "c", 1] == "0.50"
    assert document.where(("b", "not there", "at all")).endswith("x.yaml:2")
    assert document.where(("not there",)).endswith("x.yaml")


def test_dates_stay_text_and_exponents_are_numbers(load):
    typed = {"2021-06-01": "2021-06-01", "07-01": "07-01", "5e-4": 5e-4, "1E3": 1000.0, "'007'": "007", "'no'": "no", "no": False, "~": None, "江仓": "江仓"}
    out = {text: load(f"key: {text}\n").data["key"] for text in typed}
    assert out == typed
    assert [type(value) for value in out.values()] == [type(value) for value in typed.values()]


def test_a_byte_order_mark_windows_line_ends_and_document_marks_change_nothing(load):
    for content in (b"\xef\xbb\xbfa: b\nc: d\n", b"a: b\r\nc: d\r\n", b"---\na: b\nc: d\n...\n", b"# $schema\n'a': \"b\"\n\n? c\n: d"):
        assert load(content).data == {"a": "b", "c": "d"}


@pytest.mark.parametrize(
    ("content", "line", "word"),
    [
        pytest.param("a: 1\nb: 2\na: 3\n", 3, "lines 1 and 3", id="a key twice"),
        pytest.param("a: {b: 1, b: 2}\n", 1, "lines 1 and 1", id="an inner key twice"),
        pytest.param("a:\n\tb: 1\n", 2, "a tab", id="a tab as indentation"),
        pytest.param("a: 1\nb:\t2\n", 2, "a tab", id="a tab after a colon"),
        pytest.param("a: 1\nb: !!python/object/apply:os.getcwd []\n", 2, "python/object/apply:os.getcwd", id="a Python tag"),
        pytest.param("a: !secret b\n", 1, "!secret", id="a private tag"),
        pytest.param("%TAG ! tag:yaml.org,2002:python/\n---\na: !name:os.system\n", 3, "python/name:os.system", id="a tag by directive"),
        pytest.param("a: 1\nb: &x 1\n", 2, "&", id="an anchor"),
        pytest.param("a: 1\n<<: {b: 1}\n", 2, "<<", id="a merge"),
        pytest.param("a: 1\n---\nb: 2\n", 2, "another document", id="two documents"),
        pytest.param("a: [1\nb: 2\n", 2, "YAML syntax", id="an open bracket"),
        pytest.param("a: b: c\n", 1, "YAML syntax", id="two colons"),
        pytest.param("a: 1\n1: 2\n", 2, 'quote it: "1":', id="a number as key"),
        pytest.param("a: 1\nno: 2\n", 2, 'quote it: "no":', id="`no` as key"),
        pytest.param("a: 1\n~: 2\n", 2, 'quote it: "~":', id="null as key"),
        pytest.param("a: [1, 08, 010]\n", 1, "010", id="leading zeros"),
        pytest.param(f"a: 1\nb: {'1' * 5000}\n", 2, "1 ... 1", id="thousands of digits"),
    ],
)
def test_refused_with_its_line(refused, content, line, word):
    error = refused(content)
    assert error.where.endswith(f"x.yaml:{line}")
    assert word in str(error)


@pytest.mark.parametrize("content", ["", "# only a comment\n", "null\n", "- a\n", "text", "42", "[]"])
def test_no_mapping_is_refused(refused, content):
    error = refused(content)
    assert error.found in {"nothing", "no mapping"}
    assert "minegreen new" in error.fix


@pytest.mark.parametrize("key", ["[b, c]", "{b: c}"])
def test_a_key_that_is_a_list_or_mapping_is_refused_without_internals(refused, key):
    error = refused(f"a: 1\n? {key}\n: 1\n")
    assert error.where.endswith("x.yaml:2")
    assert "Node" not in str(error)


@pytest.mark.parametrize("content", ["[" * 600 + "]" * 600, "{a: " * 600 + "1" + "}" * 600, "- " * 600 + "1", "[" * 1500], ids=["[]", "{}", "-", "[ open"])
def test_deep_nesting_is_refused_as_deep_nesting(refused, content):
    error = refused(f"key:\n  {content}\n")
    assert re.search("nest|deep", f"{error.field} {error.found} {error.expected}")
    assert re.search(r"x\.yaml:\d+$", error.where)


def test_more_than_a_megabyte_is_refused_unread(refused):
    assert "1,000,000 bytes" in refused(b"\xff" * 1_000_001).found


@pytest.mark.parametrize(("content", "byte"), [(b"a: \xe9\n", 3), ("a: b\n".encode("utf-16"), 0), (b"a: \xed\xa0\x80\n", 3)])
def test_what_is_not_utf_8_is_refused_with_its_byte(refused, content, byte):
    error = refused(content)
    assert (error.found, error.fix) == (f"byte {byte} is not UTF-8", "save the file as UTF-8")


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\ufffe"])
def test_a_control_character_is_refused_with_its_line(refused, character):
    assert refused(f"a: 1\nb: 2\nc: x{character}y\n").where.endswith("x.yaml:3")


def test_a_key_of_escapes_and_great_length_is_shown_short_and_printable(refused):
    refused(('"' + "x\\e[31m\\n" * 400 + '": 1\n') * 2)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    for path in (tmp_path / "nothing.yaml", tmp_path):
        with pytest.raises(BadInput) as caught:
            yamlfile.load(path)
        assert (caught.value.where, caught.value.fix) == (str(path), "check the path")
