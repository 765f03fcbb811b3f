"""What the documents' checks need to know of Markdown: prose, code, links and anchors."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

SHELLS = {"bash", "console", "sh", "shell"}
FENCE = re.compile(r"^\s*(?P<marks>`{3,}|~{3,})\s*(?P<lang>[\w+-]*)")
INLINE_CODE = re.compile(r"(`+)(?P<code>.+?)\1")
LINK = re.compile(r"\]\(\s*<?(?P<target>[^)\s>]+)>?[^)]*\)")
LINK_DEFINITION = re.compile(r"^\s*\[[^\]]+\]:\s*<?(?P<target>[^\s>]+)>?")
HEADING = re.compile(r"^#{1,6}\s+(?P<title>.*?)\s*#*\s*$")
HTML_ANCHOR = re.compile(r"<[^>]+\b(?:id|name)=\"(?P<id>[^\"]+)\"")
SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)


class Line(NamedTuple):
    number: int
    text: str


class Block(NamedTuple):
    """A fenced block of code; `number` is the line of its first line of code."""

    lang: str
    number: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    path: str
    prose: tuple[Line, ...]
    blocks: tuple[Block, ...]


def parse(path: str, text: str) -> Document:
    prose: list[Line] = []
    blocks: list[Block] = []
    fence, lang, code = "", "", list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if not fence:
            opening = FENCE.match(line)
            if opening is None:
                prose.append(Line(number, line))
            else:
                fence, lang, code = opening["marks"], opening["lang"].lower(), []
        elif line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            blocks.append(Block(lang, number - len(code), tuple(code)))
            fence = ""
        else:
            code.append(line)
    if fence:  # an unclosed fence runs to the end of the document, as renderers have it
        blocks.append(Block(lang, number - len(code) + 1, tuple(code)))
    return Document(path, tuple(prose), tuple(blocks))


def slug(title: str) -> str:
    """The anchor that GitHub makes of a heading.

    >>> slug("The `make run` way: *now*")
    'the-make-run-way-now'
    """
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def anchors(document: Document) -> set[str]:
    found: set[str] = set()
    seen: dict[str, int] = {}
    for line in document.prose:
        found.update(match["id"] for match in HTML_ANCHOR.finditer(line.text))
        heading = HEADING.match(line.text)
        if heading is not None:
            name = slug(heading["title"])
            count = seen[name] = seen.get(name, -1) + 1
            found.add(f"{name}-{count}" if count else name)
    return found


def links(document: Document) -> Iterator[tuple[int, str]]:
    for line in document.prose:
        text = INLINE_CODE.sub("", line.text)
        for pattern in (LINK, LINK_DEFINITION):
            for match in pattern.finditer(text):
                if not SCHEME.match(match["target"]):
                    yield line.number, unquote(match["target"])


def console(block: Block) -> Iterator[Line]:
    """The commands of a block: if it shows prompts, what follows them; otherwise every line."""
    prompted = any(line.lstrip().startswith("$ ") for line in block.lines)
    for number, line in enumerate(block.lines, start=block.number):
        text = line.strip()
        if not prompted:
            yield Line(number, text)
        elif text.startswith("$ "):
            yield Line(number, text.removeprefix("$ "))


def code_lines(document: Document) -> Iterator[Line]:
    for line in document.prose:
        for match in INLINE_CODE.finditer(line.text):
            yield Line(line.number, match["code"].strip())
    for block in document.blocks:
        if block.lang in SHELLS:
            yield from console(block)
