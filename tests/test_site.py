"""The site of the documentation: builds strictly without network, is whole, and asks no other host for anything."""

import os
import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import REQUIRED
from running import ROOT

DOCS = ROOT / "docs"
NO_NETWORK = """
import socket, sys
def refuse(*_, **__):
    raise OSError("the documentation asked for the network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from mkdocs.__main__ import cli
cli(sys.argv[1:])
"""
# what Markdown and the theme write; `<year>` of a page would be another
TAGS = {
    *("html", "head", "body", "meta", "link", "title", "script", "style", "noscript", "base", "header", "footer", "nav", "main", "aside", "article", "section"),
    *(
        "div",
        "span",
        "p",
        "a",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "pre",
        "code",
    ),
    *("em", "strong", "img", "input", "label", "button", "form", "svg", "path", "hr", "br", "kbd", "blockquote", "details", "summary"),
}


def build(folder, *more, settings="docs/site/mkdocs.yml"):
    command = [sys.executable, "-c", NO_NETWORK, "build", "--strict", "-f", settings, "-d", str(folder), *more]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder of the built site; without MkDocs: the test is skipped, or fails where MINEGREEN_REQUIRE names `docs`."""
    if find_spec("material") is None:
        reason = "MkDocs Material is not installed: pip install -e '.[docs]' -c constraints.txt"
        if "docs" in REQUIRED:
            pytest.fail(f"MINEGREEN_REQUIRE names docs, but {reason}")
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


class Page(HTMLParser):
    """Tags of a page, what it loads, where it links to, and its anchors."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.loads, self.links, self.anchors, self.inline = [], [], [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Take one tag."""
        given = dict(attrs)
        self.tags.append((tag, given))
        self.anchors |= {given[key] for key in ("id", "name") if given.get(key)}
        self.loads += [value for key, value in attrs if value and key in {"src", "srcset", "poster", "data"}]
        if tag == "link" and given.get("href"):
            self.loads.append(given["href"])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        self.inline.append(given.get("style") or "")

    def handle_data(self, data):
        """Take the text of a style or script."""
        if self.tags and self.tags[-1][0] in {"style", "script"}:
            self.inline.append(data)


@cache
def parsed(path):
    return Page(path.read_text(encoding="utf-8"))


def pages(site):
    found = sorted(p for p in site.rglob("*.html") if p.name != "404.html")
    assert len(found) >= 20
    return found


def elsewhere(address):
    return urlsplit(address).scheme not in {"", "data"} or address.startswith("//")


def test_every_page_is_built_and_in_the_navigation(site):
    built = {p.relative_to(site).with_suffix(".md").as_posix() for p in pages(site)}
    assert built == {p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md")}
    reached = {(site / unquote(link)).resolve() for link in parsed(site / "index.html").links if not elsewhere(link) and not link.startswith("#")}
    assert {p.resolve() for p in pages(site)} <= reached | {site.resolve() / "index.html"}
    assert not list(site.rglob("*.py"))


def test_no_page_loads_anything_from_another_host(site):
    for path in pages(site):
        page = parsed(path)
        assert page.loads
        assert not [address for address in page.loads if elsewhere(address)], path
        for text in page.inline:
            assert not re.search(r"url\(\s*[\"']?(https?:)?//|@import", text), path
        assert not any(tag in {"iframe", "object", "embed", "video", "audio"} for tag, _ in page.tags)
        assert not any(given.get("class", "") and "mermaid" in given["class"] for _, given in page.tags)  # it would be fetched


def test_no_style_sheet_loads_anything_from_another_host(site):
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"@import|url\(\s*[\"']?(https?:)?//", text), sheet
    assert not list(site.rglob("*.woff*"))


def test_what_pages_load_and_link_to_is_there(site):
    checked = 0
    for path in pages(site):
        page = parsed(path)
        for address in (*page.loads, *page.links):
            if elsewhere(address) or address.startswith("data:"):
                continue
            parts = urlsplit(address)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            assert target.is_file() or (target / "index.html").is_file(), (path.name, address)
            if parts.fragment and target.suffix == ".html":
                assert unquote(parts.fragment) in parsed(target).anchors, (path.name, address)
                checked += 1
    assert checked > 100


def test_no_word_of_a_page_became_a_tag(site):
    """`trend_<a>-<b>.tif` outside of code would be an anchor and bold."""
    for path in pages(site):
        for tag, given in parsed(path).tags:
            assert tag in TAGS, (path.name, tag)
            assert tag != "a" or {"href", "id", "name"} & set(given), (path.name, given)


def test_every_picture_has_an_alternative_text(site):
    pictures = [(path.name, given) for path in pages(site) for tag, given in parsed(path).tags if tag == "img"]
    assert len(pictures) >= 2
    for name, given in pictures:
        assert len(given.get("alt") or "") > 20, (name, given)


def test_these_checks_can_fail(site, tmp_path):
    """A page with a font, a picture and a script of another host, a dead link, a dead anchor, and a word that becomes a tag."""
    (tmp_path / "pages").mkdir()
    page = tmp_path / "pages" / "index.md"
    (tmp_path / "mkdocs.yml").write_text("site_name: x\ndocs_dir: pages\nvalidation: {anchors: warn}\ntheme: {name: material}\n", encoding="utf-8")
    page.write_text("# x\n![p](https://host.invalid/p.png) trend_<year>.tif [far](https://host.invalid/)\n", encoding="utf-8")
    assert build(tmp_path / "out", settings=str(tmp_path / "mkdocs.yml")).returncode == 0
    found = Page((tmp_path / "out" / "index.html").read_text(encoding="utf-8"))
    bad = {urlsplit(address).netloc for address in found.loads if elsewhere(address)}
    assert bad == {"host.invalid", "fonts.gstatic.com", "fonts.googleapis.com"}  # `font: false` keeps the fonts out of ours
    assert {tag for tag, _ in found.tags} - TAGS == {"year"}
    for text in ("[dead](nowhere.md)", "[dead](#nowhere)"):
        page.write_text(f"# x\n{text}\n", encoding="utf-8")
        assert build(tmp_path / "out", settings=str(tmp_path / "mkdocs.yml")).returncode != 0


def test_the_site_needs_no_file_of_the_workplace():
    text = (DOCS / "site" / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in text
    assert "://" not in text
    assert not Path(re.search(r"site_dir: (\S+)", text)[1]).is_absolute()
