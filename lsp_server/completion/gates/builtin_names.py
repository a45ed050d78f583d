"""Names that every file knows, by language."""

import builtins

PYTHON = frozenset(dir(builtins)) | {
    "_", "__annotations__", "__builtins__", "__class__", "__doc__", "__file__", "__loader__",
    "__module__", "__name__", "__package__", "__path__", "__qualname__", "__spec__",
    # of other versions, of other systems, and of those who check types
    "WindowsError", "BaseExceptionGroup", "ExceptionGroup", "PythonFinalizationError", "basestring",
    "cmp", "copyright", "credits", "exit", "file", "license", "long", "quit", "raw_input", "reduce",
    "reload", "reveal_locals", "reveal_type", "unichr", "unicode", "xrange",
}  # fmt: skip
