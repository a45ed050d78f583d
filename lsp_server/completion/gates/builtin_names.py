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

_JAVASCRIPT = frozenset(
    {
        "addEventListener", "after", "afterAll", "afterEach", "alert", "arguments", "atob", "before",
        "beforeAll", "beforeEach", "btoa", "cancelAnimationFrame", "clearImmediate", "clearInterval",
        "clearTimeout", "confirm", "console", "crypto", "decodeURI", "decodeURIComponent", "define",
        "describe", "document", "encodeURI", "encodeURIComponent", "escape", "eval", "exports", "expect",
        "fetch", "getComputedStyle", "global", "globalThis", "history", "indexedDB", "isFinite", "isNaN",
        "it", "jest", "localStorage", "location", "matchMedia", "module", "name", "navigator", "parent",
        "parseFloat", "parseInt", "performance", "postMessage", "process", "prompt", "queueMicrotask",
        "removeEventListener", "requestAnimationFrame", "require", "screen", "self", "sessionStorage",
        "setImmediate", "setInterval", "setTimeout", "structuredClone", "suite", "test", "top", "undefined",
        "unescape", "vi", "window",
    }
)  # fmt: skip

PLAIN: dict[str, frozenset[str]] = {
    "c": frozenset({"errno", "environ", "stdin", "stdout", "stderr", "true", "false", "nullptr"}),
    "cpp": frozenset({"errno", "environ", "stdin", "stdout", "stderr", "true", "false", "this", "std"}),
    "go": frozenset(
        {
            "append", "bool", "byte", "cap", "clear", "close", "complex", "copy", "delete", "error", "false",
            "float64", "imag", "int", "int32", "int64", "iota", "len", "make", "max", "min", "new", "nil",
            "panic", "print", "println", "real", "recover", "rune", "string", "true", "uint", "uint32",
            "uint64", "uint8",
        }
    ),
    "java": frozenset({"java", "javax", "org", "com", "super", "this", "length"}),
    "javascript": _JAVASCRIPT,
    "rust": frozenset({"self", "super", "crate", "std", "core", "alloc", "drop"}),
    "tsx": _JAVASCRIPT,
    "typescript": _JAVASCRIPT,
}  # fmt: skip
"""Of languages whose scopes are not followed, what begins in lower case."""

SHARING = frozenset({"c", "cpp", "go", "java"})
"""Languages in which a file calls functions that another one defines without saying so."""
