"""LaTeX as text: what a reader would see printed, on one line or several."""

import logging
import re
from functools import cache

from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db
from pylatexenc.latexwalker import LatexWalker
from pylatexenc.latexwalker import get_default_latex_context_db as get_default_walker_context_db
from pylatexenc.macrospec import std_macro

# It reports every odd macro of a stranger's file; nothing can be done about those.
logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)

_LONGEST = 100_000
# Commands that pylatexenc parses but does not print, or does not know.
_PRINTED = {
    "textless": "<", "textgreater": ">", "textbar": "|", "textbraceleft": "{", "textbraceright": "}",
    "textasciicircum": "^", "textquotesingle": "'", "textquotedbl": '"', "slash": "/", "xspace": "",
    "TeX": "TeX", "LaTeX": "LaTeX", "BibTeX": "BibTeX",
}  # fmt: skip
_WRAPPERS = ("mbox", "hbox", "textmd", "textsf", "texttt", "textup", "textnormal", "url", "path", "nolinkurl")
_HIDDEN = ("noopsort", "label", "cite", "citep", "citet", "footnote", "color")
_RAW_MARK = re.compile(r"(?<!\\)[&%#]")
_DOLLAR = re.compile(r"(?<!\\)\$")
_DIFFICULT = re.compile(r"\\[^&%$#_{}]|\\$|(?<!\\)\$")
_EASY = re.compile(r"\\([&%$#_{}])|[{}]|---|--|``|''|~")
_LIGATURES = {"---": "\u2014", "--": "\u2013", "``": "\u201c", "''": "\u201d", "~": " "}
_COMMAND = re.compile(r"\\([A-Za-z]+\*?|.)|[{}]", re.DOTALL)


def plain(text: str) -> str:
    """The text that LaTeX would print. Never fails: what cannot be understood stays, without its braces.

    Per cent signs and ampersands are text here, also where they are not escaped, because reference managers
    write them so; mathematics comes out as its characters.
    """
    if not _EASY.search(text) and "\\" not in text and "$" not in text:
        return text
    if not _DIFFICULT.search(text):
        return _EASY.sub(_easy, text)
    if len(text) > _LONGEST:
        return _bare(text)
    text = _RAW_MARK.sub(r"\\\g<0>", text)
    if len(_DOLLAR.findall(text)) % 2:
        text = _DOLLAR.sub(r"\\$", text)
    try:
        return str(_converter().nodelist_to_text(LatexWalker(text, _walker_context()).get_latex_nodes()[0]))
    except Exception:  # what a stranger's file may provoke in a parser is not to be foreseen
        return _bare(text)


def verbatim(text: str) -> str:
    """An identifier or link as it was before a program escaped it for LaTeX."""
    return plain(text) if re.search(r"\\[A-Za-z]|\$", text) else re.sub(r"\\([_%#&~$^{}])|[{}]", r"\1", text)


def _easy(found: re.Match[str]) -> str:
    return found.group(1) or _LIGATURES.get(found.group(), "")


def _bare(text: str) -> str:
    return _COMMAND.sub(lambda found: "" if found.group() in "{}" else found.group(1), text)


@cache
def _converter() -> LatexNodes2Text:
    context = get_default_latex_context_db()
    macros = [MacroTextSpec(name, char) for name, char in _PRINTED.items()]
    macros += [MacroTextSpec(name, "%s") for name in _WRAPPERS]
    macros += [MacroTextSpec(name, "") for name in _HIDDEN]
    macros.append(MacroTextSpec("href", "%(2)s"))
    context.add_context_category("references", macros=macros, prepend=True)
    return LatexNodes2Text(context, math_mode="text", strict_latex_spaces=True)


@cache
def _walker_context() -> object:
    context = get_default_walker_context_db()
    macros = [std_macro(name, "{") for name in (*_WRAPPERS, "noopsort", "footnote")] + [
        std_macro("href", "{{")
    ]
    context.add_context_category("references", macros=macros, prepend=True)
    return context
