"""Code actions by infilling, one file per action.

An action looks at a snapshot and says where the model is to fill in and what becomes of its text.
"""

from lsp_server.actions.action import Action, Filling
from lsp_server.actions.add_docstring import AddDocstring
from lsp_server.actions.complete_body import CompleteBody
from lsp_server.actions.gap import ActionError, Gap

ACTIONS: dict[str, Action] = {action.name: action for action in (CompleteBody(), AddDocstring())}

__all__ = ["ACTIONS", "Action", "ActionError", "Filling", "Gap"]
