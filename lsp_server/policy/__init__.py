"""What may be read, what is sent of it, and what may be shown.

    secret_files.py   files of keys, by name and by beginning
    ignore_file.py    .midfillignore
    policies.py       the midfill-policy.toml files that apply → policy_file.py → rules.py
    refusal.py        all of these, asked about a document
    secrets.py        tokens and keys inside a text, and the stand-ins that are sent for them
    pattern.py        dangerous code in shown text; the built-in ones are in dangerous.py
    hidden.py         characters that nobody sees

A document that is refused never reaches the channel, so neither the worker nor a cache can hold it.
"""

from lsp_server.policy.hidden import hides
from lsp_server.policy.pattern import Finding, Pattern
from lsp_server.policy.policies import rules_for
from lsp_server.policy.refusal import excludes, refuses
from lsp_server.policy.rules import BUILT_IN_RULES, Rules
from lsp_server.policy.secret_files import begins_a_key, is_secret
from lsp_server.policy.secrets import secret_in, veil

__all__ = [
    "BUILT_IN_RULES",
    "Finding",
    "Pattern",
    "Rules",
    "begins_a_key",
    "excludes",
    "hides",
    "is_secret",
    "refuses",
    "rules_for",
    "secret_in",
    "veil",
]
