"""Text that came from somebody else, made harmless: it may not act on a terminal, a page or a Markdown file."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories that act without being seen: controls, direction overrides, lone surrogates, line separators."""

MARKDOWN = re.compile(r"[\\`*\[\]|~#$]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
"""What GitHub's Markdown would read as structure inside a line; an underscore within a word is only a letter."""

TAGS = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

LINKS = re.compile(r"(?i)(?<=www)\.|:(?=//)")
"""What makes GitHub turn bare words into links."""


def visible(text: Any) -> str:
    r"""The text with every unseen character spelled out (`\x1b`, `\u202e`); line ends and tabs stay."""
    lines = str(text).replace("\r\n", "\n")
    return "".join(spelled(character) if hidden(character) else character for character in lines)


def inline(text: Any) -> str:
    r"""The same on one line: line ends and tabs are spelled out too."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def hidden(character: str) -> bool:
    """Does this character act on the reader's screen without being seen?"""
    return character not in "\n\t" and unicodedata.category(character) in UNSEEN


def spelled(character: str) -> str:
    """A character by its number, as Python would write it."""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class Markdown(str):
    """Text that is Markdown already, and is not escaped again."""

    __slots__ = ()


def markdown(value: Any) -> Markdown:
    """One line of Markdown that reads as the text itself: no tag, table border, code, emphasis or link."""
    if isinstance(value, Markdown):
        return value
    text = MARKDOWN.sub(lambda found: "\\" + found[0], inline("" if value is None else value))
    text = "".join(TAGS.get(character, character) for character in text)
    return Markdown(LINKS.sub(lambda found: f"&#{ord(found[0])};", text))


def fenced(text: Any, language: str = "") -> Markdown:
    """A code block whose fence is longer than any run of backticks within it."""
    code = visible(text).rstrip("\n")
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown(f"{fence}{language}\n{code}\n{fence}")
