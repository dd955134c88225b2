"""Las palabras del glosario en el sitio: un ancla cada una y un enlace desde su primera vez."""

import re
from functools import cache
from pathlib import Path
from posixpath import basename
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx

GLOSSARY = "notebooks/glosario"
SOURCE = Path(__file__).resolve().parents[1] / f"{GLOSSARY}.md"
ENTRY = re.compile(r"^- \*\*(.+?)\*\* · \[[^]]*\]\((.+?)\)\. (.+)$", re.MULTILINE)
"""Una palabra, la página en la que sale por primera vez y lo que quiere decir."""
APART = (nodes.literal, nodes.literal_block, nodes.reference, nodes.title, nodes.raw, nodes.math)
"""Donde no se pone ningún enlace."""


class Word(NamedTuple):
    """Una palabra del glosario."""

    name: str
    page: str
    """El nombre de la página en la que sale por primera vez."""
    meaning: str

    @property
    def anchor(self) -> str:
        """Su ancla en el glosario; va delante de la letra, que ya tiene la suya."""
        return f"palabra-{nodes.make_id(self.name)}"


@cache
def words() -> list[Word]:
    """Lee el glosario, de la palabra más larga a la más corta."""
    found = ENTRY.findall(SOURCE.read_text(encoding="utf-8"))
    read = [Word(name, basename(page).split(".")[0], told) for name, page, told in found]
    return sorted(read, key=lambda word: -len(word.name))


def link(app: Sphinx, tree: nodes.document) -> None:
    """Enlaza las palabras de una página: en el glosario, les pone su ancla."""
    page = app.env.docname
    if page == GLOSSARY:
        _anchor(tree)
        return
    if page.startswith("notebooks/soluciones"):
        return
    for word in words():
        if word.page == basename(page):
            _link_first(app, page, tree, word)


def _anchor(tree: nodes.document) -> None:
    anchors = {word.name: word.anchor for word in words()}
    for entry in tree.findall(nodes.list_item):
        bold = next(iter(entry.findall(nodes.strong)), None)
        if bold and bold.astext() in anchors:
            entry["ids"].append(anchors[bold.astext()])
    letters = nodes.paragraph(classes=["letras"])
    for section in tree.findall(nodes.section):
        if len(title := section.next_node(nodes.title).astext()) == 1:
            refid = section["ids"][0]
            letters += nodes.reference("", title, internal=True, refid=refid)
            letters += nodes.Text(" ")
    first = tree.next_node(nodes.paragraph)
    first.parent.insert(first.parent.index(first) + 1, letters)


def _link_first(app: Sphinx, page: str, tree: nodes.document, word: Word) -> None:
    name = re.compile(rf"(?<!\w){re.escape(word.name)}(?:s|es)?(?!\w)", re.IGNORECASE)
    for text in tree.findall(nodes.Text):
        if not (found := name.search(text)) or _apart(text):
            continue
        here = app.builder.get_relative_uri(page, GLOSSARY)
        link = nodes.reference("", found[0], internal=True, refuri=f"{here}#{word.anchor}")
        link["classes"].append("palabra")
        link["reftitle"] = re.sub(r"[*`]|\]\([^)]*\)|\[", "", word.meaning)
        before, after = nodes.Text(text[: found.start()]), nodes.Text(text[found.end() :])
        text.parent.replace(text, [before, link, after])
        return


def _apart(node: nodes.Node) -> bool:
    while node := node.parent:
        if isinstance(node, APART):
            return True
    return False
