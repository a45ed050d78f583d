"""What the model gets to see of the document."""

from dataclasses import dataclass

from lsp_server.document import Snapshot


@dataclass(frozen=True, slots=True)
class Context:
    r"""The text before and after the cursor, for the model: line ends are \n, no lone surrogates."""

    prefix: str
    suffix: str


def gather(snapshot: Snapshot, offset: int, prefix_budget: int, suffix_budget: int) -> Context:
    """The prompt's text: at most about `prefix_budget` and `suffix_budget` characters around `offset`."""
    return Context(snapshot.text[:offset][-prefix_budget:], snapshot.text[offset:][:suffix_budget])
