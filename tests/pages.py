"""What the pages of the documentation hold: sections, blocks, code in the text, tables."""

import re
from dataclasses import dataclass

from running import ROOT

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """A heading with its level and the text below it, up to the next heading; `text` is without blocks."""

    level: int
    title: str
    text: str
    blocks: tuple[tuple[str, str], ...]

    @property
    def code(self) -> set[str]:
        """Return what stands in backticks in the text."""
        return set(re.findall(r"`([^`\n]+)`", self.text))

    @property
    def tables(self) -> list[list[list[str]]]:
        """Return the tables as rows of cells, the header first."""
        found = re.findall(r"(?:^\|.*\|\n)+", self.text + "\n", re.MULTILINE)
        return [[[c.strip() for c in line.strip("|").split("|")] for line in t.splitlines() if not re.fullmatch(r"[|-]+", line)] for t in found]

    @property
    def numbers(self) -> set[str]:
        """Return the numbers in the text outside of code and links; not those of Chinese months, which English names."""
        return set(re.findall(r"\d++(?:\.\d++)?+(?! 月)", re.sub(r"`[^`\n]+`|\]\([^)]*\)", "", self.text)))


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of a page: their language, empty if none, and their text."""
    return BLOCK.findall(text)


def sections(text: str) -> list[Section]:
    """Return the sections of a page in order; a `#` inside a block is no heading."""
    inside = [(m.start(), m.end()) for m in BLOCK.finditer(text)]
    heads = [m for m in HEADING.finditer(text) if not any(a <= m.start() < b for a, b in inside)]
    ends = [*(m.start() for m in heads[1:]), len(text)]
    out = []
    for head, end in zip(heads, ends, strict=True):
        body = text[head.end() : end]
        out.append(Section(len(head[1]), head[2], BLOCK.sub("", body), tuple(blocks(body))))
    return out


def section(text: str, title: str) -> Section:
    """Return the section of that title."""
    (found,) = (s for s in sections(text) if s.title == title)
    return found


def commands(text: str) -> list[list[str]]:
    """Return every command of `minegreen` and `snakemake` in the blocks of a page, as words; continued and joined lines are taken apart."""
    import shlex

    found = []
    for language, block in blocks(text):
        if language in {"python", "yaml", "json", "text"}:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.removeprefix("$ ").split("&&"):
                if re.match(r"\s*(minegreen|snakemake) ", part):
                    found.append(shlex.split(part, comments=True))
    return found
