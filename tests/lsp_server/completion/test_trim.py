"""What of a model's text is shown, in each language: source with a cursor, the model's text, the result.

Most cases are what users of other tools complain of: completions that are too long, that double brackets, repeat
the next line, leak markers, or lose the file's line ends.
"""
# ruff: noqa: E501  # tables, one case a line

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_server.completion.repetition import looped
from lsp_server.completion.trigger import decide
from lsp_server.completion.trim import Trim, Trimmed
from lsp_server.syntax.replacement import Replacement
from lsp_server.syntax.site import survey
from lsp_server.syntax.tree import SyntaxTree
from tests.lsp_server.completion.cursor import at_cursor

PYTHON = [
    # One statement.
    ("x = ‸\n", "1\ny = 2\n", "1"),
    ("x = foo(‸\ny = 2\n", "a,\n    b)\nbar()\n", "a,\n    b)"),
    ("x = ‸\n", "[0, 1,\n     2]\ny = 2", "[0, 1,\n     2]"),
    ("x = ‸\n", '"""a\n(b"""\ny = 2', '"""a\n(b"""'),
    ("x = ‸\n", "a + \\\n    b\ny = 2", "a + \\\n    b"),
    ("def f():\n    x = 1\n    ‸\n", "return x\n\n\ndef g():\n", "return x"),
    ("‸\n", "for x in y:\n    print(x)\n", "for x in y:"),
    # The end of the block.
    ("def f(x):\n    ‸\n\ny = 1\n", "z = x\n    return z\n\n\ndef g():\n", "z = x\n    return z"),
    ("def f(x):‸\n\ny = 1\n", "\n    return x\n\n\ndef g():\n", "\n    return x"),
    ("def f(x):\n‸\ny = 1\n", "    return x\ny = 2\n", "    return x"),
    ("def f(x):\n    ‸\n", "if x:\n        return 1\n\n    return 2\n\nf(", "if x:\n        return 1\n\n    return 2"),
    ("def f(x):\n    ‸\n", 's = """\nab\n"""\n    return s\nf()\n', 's = """\nab\n"""\n    return s'),
    ("def f(x):\n    ‸\n", "g(\nx)\n    return 1\nf()\n", "g(\nx)\n    return 1"),
    ('def f(x):\n    """Add."""\n    ‸\n', "y = x\n    return y\nf()", "y = x\n    return y"),
    ("class A:\n    def f(self):\n        ‸\n\n    def g(self): ...\n", "a = 1\n    def h(self): ...\n", "a = 1"),
    # Inside brackets and strings: never what follows already.
    ("x = foo(‸)\n", "a, b)\nbar()\n", "a, b"),
    ("x = foo(bar(‸))\n", "a))\n", "a"),
    ("x = foo(‸)\n", "g(a), [b])\n", "g(a), [b]"),
    ("x = foo(‸, b)\n", "a, b)\nbar()\n", "a"),
    ("x = foo(‸, b)\n", "a, c)\nbar()\n", "a, c"),
    ("foo(\n    a,\n    ‸\n)\n", "b,\n    c,\n)\n", "b,"),
    ("print(‸)\n", '"a)", b)\n', '"a)", b'),
    ('print("‸")\n', 'hello")\nbar()\n', "hello"),
    ('print("‸\n', 'hello")\nbar()\n', 'hello")'),
    ('print("‸)\n', 'hello")\nbar()\n', 'hello"'),
    ("if ‸:\n    pass\n", "x == 1:\n    foo()", "x == 1"),
    ("return ‸ if x else y\n", "z if x else y\n", "z"),
    ("x = [‸]\n", "i for i in range(3)]\n", "i for i in range(3)"),
    ("d = {‸}\n", '"a": {"b": 1}, "c": 2}\n', '"a": {"b": 1}, "c": 2'),
    # In comments and docstrings, whatever the words: the line.
    ("# 计算‸\nx = 1\n", "平均值 (\ny = 2", "平均值 ("),
    ('def f():\n    """‸"""\n', 'Don\'t panic."""\n    return', "Don't panic."),
    ('def f():\n    """‸\n    """\n', "Add (a\n    and b", "Add (a"),
    ('def f():\n    """Add ‸\n    return 1\n\ndef g():\n    """Sub."""\n', 'two."""\n    return', 'two."""'),
    # Too eager: nothing where a new line would have to come first.
    ("x = 1‸\n", "\ny = 2\n", ""),
    ("\n‸\n", "\n\n\ndef f():\n", ""),
    # Repeats what is there.
    ("x = 1\n‸\nreturn xyz\n", "return xyz\nfoo", ""),
    ("x = 1\nret‸\nreturn xyz\n", "urn xyz\nfoo", ""),
    ("foo.append(1)\n‸\n", "foo.append(1)\n", ""),
    ("def f(x):\n    ‸\n", "call(x)\n    call(x)\n    call(x)\n", "call(x)"),
    ("def f(x):\n    ‸\n", "aaa()\n    bbb()\n    aaa()\n    bbb()\n    c", "aaa()\n    bbb()"),
    ("def f(x):\n    ‸\n\nyyy = 1\n", "    return x\nyyy = 1\n", "    return x"),
    ("def f(x):\n    ‸\ntry:\n    pass\n", "try:\n        g()\n    finally:\n        h()\n", "try:\n        g()\n    finally:\n        h()"),
    ("def f(x):\n    ‸\ncall(x)\n", "y = 1\n    call(x)\n", "y = 1\n    call(x)"),
    ("if ‸\n        call(x)\n", "not (\n        call(x)\n    ):\n", "not ("),
    ("x = ‸\n", "a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b, a, b", ""),
    ("def f():\n    # ‸\n    pass\n", "返回零返回零返回零返回零", "返回零"),
    ("# ‸\n", "-" * 60 + "\n", "-" * 60),
    # A blank before the cursor is enough.
    ("x = ‸\n", " 1\n", "1"),
    # Markers that are text, and text that has no marker.
    ("x = ‸\n", "1<|endoftext|>y\n", "1"),
    ("x = ‸\n", "1 <|fim_middle|>", "1"),
    ("x = ‸\n", "a < b\n", "a < b"),
    ("y = '<|fim_middle|>'\nx = ‸\n", "'<|fim_middle|>'\n", "'<|fim_middle|>'"),
    # What an editor would not draw, or draw elsewhere.
    ("x = ‸\n", "a\u202eb\n", "a"),
    ("x = ‸\n", "a\u200bb\n", "a"),
    ("x = ‸\n", "a\U000e0041b\n", "a"),
    ("x = ‸\n", "a\x00b\n", "a"),
    ("x = ‸\n", "a\ufffdb\n", "a"),
    ("x = ‸\n", "a\ud83db\n", "a"),
    ("x = ‸\n", "'😀é中'\n", "'😀é中'"),
    # Line ends are the document's.
    ("def f(x):\r\n    ‸\r\n", "y = 1\n    return y\n\n\nz", "y = 1\r\n    return y"),
    ("def f(x):\r\n    ‸\r\n", "y = 1\r\n    return y\r\nz", "y = 1\r\n    return y"),
    ("x = ‸", "1   \n", "1"),
    ("‸", "", ""),
]  # fmt: skip

JAVASCRIPT = [
    ("function f() {\n  const x = ‸\n}\n", "items\n    .map(g)\n    .filter(h);\n  return x", "items\n    .map(g)\n    .filter(h);"),
    ("function f() {\n  const x = ‸\n}\n", "items\n  return x\n", "items"),
    ("function f() {\n  const x = ‸\n}\n", "items\n  const y = 1\n", "items"),
    ("function f() {\n  const x = ‸\n}\n", "a\n    && b;\n  y", "a\n    && b;"),
    ("items.forEach(‸\n", "x => {\n  foo(x);\n});\nfoo", "x => {\n  foo(x);\n});"),
    ("items.forEach(‸)\n", "x => {\n  foo(x);\n})\nfoo", "x => {\n  foo(x);\n}"),
    ("items.forEach(‸);\n", "foo);\nbar", "foo"),
    ("const f = () => {‸}\n", "\n  return 1;\n}\n", "\n  return 1;\n"),
    ("items.map((x) => {‸})\n", "\n  return x;\n})", "\n  return x;\n"),
    ("function f() {\n  ‸\n}\n", "if (x) {\n    g();\n  }\n  h();\n}\n\nfunction i", "if (x) {\n    g();\n  }\n  h();"),
    ("function f() {\n  ‸\n\nfunction g() {}\n", "return 1;\n}\n\nfunction h", "return 1;\n}"),
    ("const s = `${‸}`;\n", "a.b}`;\n", "a.b"),
    ("const s = `a ‸`;\n", "${b} c`;\n", "${b} c"),
    ("test('‸\ng()\nhhh();\n", "a b', () => {\n  g();\n});\n", "a b', () => {\n  g();\n});"),
    ("f(() => {\n  g(‸\n});\n", "a);\n});", "a);"),
    ("const s = '‸';\n", "it\\'s';\n", "it\\'s"),
    ("const f = {‸}\n", "a: 1, b: {}}\n", "a: 1, b: {}"),
    ("x = ‸;\n", "5;\ny", "5"),
    ("// Sort ‸\n", "the items (by name\nfoo", "the items (by name"),
    ("/* ‸ */\n", "don't */ x", "don't"),
    ("function f() {\r\n  ‸\r\n}\r\n", "g();\n  h();\n}\n", "g();\r\n  h();"),
]  # fmt: skip

TYPESCRIPT = [
    (
        "interface A {‸}\n",
        "\n  a: string;\n  b(x: number): void;\n}\n",
        "\n  a: string;\n  b(x: number): void;\n",
    ),
    (
        "class A {\n  f(): Map<string, number> {\n    ‸\n  }\n}\n",
        "return new Map();\n  }\n",
        "return new Map();",
    ),
    ("function f(a: ‸) {}\n", "string, b?: number) {\n", "string, b?: number"),
    ("let x: Array<‸>;\n", "string>;\n", "string"),
]

GO = [
    ("func f() {\n\t‸\n}\n", "if err != nil {\n\t\treturn err\n\t}\n\treturn nil\n}\n\nfunc", "if err != nil {\n\t\treturn err\n\t}\n\treturn nil"),
    ("func f() {\n\tx := ‸\n}\n", "foo(a)\n\treturn x", "foo(a)"),
    ("func f() {\n\tx := ‸\n}\n", "a +\n\t\tb\n\treturn x", "a +\n\t\tb"),
    ("func f() {\n\tx := g()\n\t‸\n}\n", "if x {\n\t\th()\n\t}\n\ti()", "if x {\n\t\th()\n\t}"),
    ("func f() {\n\tr := '‸'\n}\n", "a'\n", "a"),
    ("func f() {\n\ts := `‸`\n}\n", "a\nb`\n", "a"),
    ("type A struct {\n\t‸\n}\n", "a int\n\tb string\n}\n", "a int\n\tb string"),
]  # fmt: skip

RUST = [
    ("fn f() {\n    let x = ‸\n}\n", "foo\n        .bar()\n        .baz();\n    x", "foo\n        .bar()\n        .baz();"),
    ("fn f() {\n    ‸\n}\n", "let x = 'a';\n    let y: &'a str = \"}\";\n    x\n}\n", "let x = 'a';\n    let y: &'a str = \"}\";\n    x"),
    ('fn f() {\n    ‸\n}\n', 'let s = r#"a"}"#;\n    g(s)\n}\n', 'let s = r#"a"}"#;\n    g(s)'),
    ("fn f() {\n    match x {‸}\n}\n", "\n        1 => 2,\n        _ => 3,\n    }\n", "\n        1 => 2,\n        _ => 3,\n    "),
    ("fn f() {\n    let x = ‸\n}\n", "match y {\n        1 => 2,\n    };\n    x", "match y {\n        1 => 2,\n    };"),
    ("fn f() {\n    g(‸);\n}\n", "a.iter().map(|x| x + 1));\n", "a.iter().map(|x| x + 1)"),
]  # fmt: skip

JAVA = [
    ("class A {\n    int f() {‸\n    }\n}\n", "\n        return 1;\n    }\n", "\n        return 1;"),
    ("class A {\n    int f() {\n        var x = ‸\n    }\n}\n", "list.stream()\n            .map(g)\n            .toList();\n        return", "list.stream()\n            .map(g)\n            .toList();"),
    ("class A {\n    ‸\n}\n", "int a;\n\n    int f() {\n        return a;\n    }\n}\n", "int a;\n\n    int f() {\n        return a;\n    }"),
    ("class A {\n    char c = '‸';\n}\n", "x';\n", "x"),
    ("class A {\n    int a;\n    ‸\n}\n", "@Override\n    public String toString() {\n        return \"}\";\n    }\n    int b;", "@Override\n    public String toString() {\n        return \"}\";\n    }"),
]  # fmt: skip

C = [
    ("int f(void)\n{\n    ‸\n}\n", "int a = 1;\n    return a;\n}\n\nint g", "int a = 1;\n    return a;"),
    ("int f(void) {\n    ‸\n\nint g(void) { return 1; }\n", "return 1;\n}\n\nint h", "return 1;\n}"),
    ("int f(void) {\n    int a;\n    ‸\n}\n", "if (a)\n        g();\n    h();", "if (a)\n        g();"),
    ("int f(void) {\n    int a;\n    ‸\n}\n", "for (i = 0; i < n; i++) {\n        g(i);\n    }\n    h();", "for (i = 0; i < n; i++) {\n        g(i);\n    }"),
    ("int f(void) {\n    char *s = \"‸\";\n}\n", "a\\\"b\";\n", "a\\\"b"),
    ("#include <‸>\n", "stdio.h>\n#include", "stdio.h"),
    ("int f(void)\n{\n    ‸\n}\n", "if (a)\n        goto out;\n    g();\nout:\n#ifdef X\n    h();\n#endif\n    return;\n}\n", "if (a)\n        goto out;\n    g();\nout:\n#ifdef X\n    h();\n#endif\n    return;"),
    ("/* Add ‸\nint x; /* y */\n", "two */\nint", "two */"),
    ("int x = ‸ + 1;\n", "a + 1;\n", "a"),
]  # fmt: skip

RUBY = [
    ("def f(x)\n  ‸\nend\n", "y = x\n  y + 1\nend\n", "y = x\n  y + 1"),
    ("def f(x)\n  ‸\n\ndef g\nend\n", "x + 1\nend\n\ndef h", "x + 1\nend"),
    ('puts "‸"\n', 'a #{b} c"\n', "a #{b} c"),
]

SHELL = [
    ("case $x in\n  a) ‸\n", "echo a;;\n  b) echo b;;\n", "echo a;;"),
    ("x=$(‸)\n", "ls -l)\n", "ls -l"),
    ("echo $# ‸\n", "(\n", "("),
]

UNKNOWN = [
    ("proc f:\n    ‸\n", "x 1\n    y 2\nproc g:\n", "x 1\n    y 2"),
    ("f(‸)\n", "a, b)\n", "a, b"),
    ("f ‸\n", "a (\nb", "a (\nb"),
    ("Dear ‸\n", "Sir, don't\nworry", "Sir, don't"),
]

LANGUAGES = {
    "python": PYTHON,
    "javascript": JAVASCRIPT,
    "typescript": TYPESCRIPT,
    "go": GO,
    "rust": RUST,
    "java": JAVA,
    "c": C,
    "ruby": RUBY,
    "shellscript": SHELL,
    "nobody-knows": UNKNOWN,
}
CASES = [(language, *case) for language, cases in LANGUAGES.items() for case in cases]


def run(source: str, language: str, chunks: list[str], multiline: bool = True) -> list[Trimmed]:
    """What is shown after each chunk and at the end, where the server would stop listening when it is complete."""
    snapshot, offset = at_cursor(source, language)
    trigger = decide(snapshot, offset)
    assert trigger is not None
    trim = Trim(trigger.site, trigger.block, multiline)
    shown = []
    for chunk in chunks:
        shown.append(trim.feed(chunk))
        if shown[-1].complete:
            break
    return [*shown, trim.finish()]


@pytest.mark.parametrize(("language", "source", "generated", "expected"), CASES)
def test_trim(language: str, source: str, generated: str, expected: str) -> None:
    assert run(source, language, [generated])[-1] == Trimmed(expected, True)


@pytest.mark.parametrize(("language", "source", "generated", "expected"), CASES)
def test_character_by_character_shows_the_same(
    language: str, source: str, generated: str, expected: str
) -> None:
    assert run(source, language, list(generated))[-1] == Trimmed(expected, True)


@given(st.sampled_from(CASES), st.data())
@settings(deadline=None, max_examples=150)
def test_what_is_shown_only_grows(case: tuple[str, str, str, str], data: st.DataObject) -> None:
    language, source, generated, expected = case
    cuts = sorted(data.draw(st.sets(st.integers(0, len(generated)), max_size=6)))
    chunks = [generated[start:end] for start, end in zip([0, *cuts], [*cuts, len(generated)], strict=True)]
    shown = run(source, language, chunks)
    assert shown[-1].text == expected
    if looped(generated) is None:
        for before, after in pairwise(shown):
            assert after.text.startswith(before.text)


ALPHABET = st.lists(
    st.sampled_from([*"()[]{}\"'`\\#/<|>;:,.\n ", "\r", "\n    ", "x", "if ", "return ", "//", "/*", "*/", '"""', "end", "\n.m()", "\n+ 1"]),
    max_size=25,
).map("".join)  # fmt: skip


@given(
    st.sampled_from(["python", "javascript", "rust", "c", "ruby", "plaintext", "nobody-knows"]),
    ALPHABET,
    ALPHABET,
    ALPHABET,
    st.booleans(),
    st.data(),
)
@settings(deadline=None, max_examples=300)
def test_any_text_shows_a_part_of_itself_however_it_is_cut(
    language: str, before: str, after: str, generated: str, block: bool, data: st.DataObject
) -> None:
    snapshot, offset = at_cursor(f"{before}‸{after}", language)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(generated)), max_size=4)))
    results = []
    for chunks in (
        [generated],
        [generated[start:end] for start, end in zip([0, *cuts], [*cuts, len(generated)], strict=True)],
        list(generated),
    ):
        trim = Trim(survey(snapshot, offset), block)
        for chunk in chunks:
            trim.feed(chunk)
        results.append(trim.finish())
    assert results[0] == results[1] == results[2]
    shown = results[0].text.replace("\r\n", "\n").replace("\r", "\n")
    unix = generated.replace("\r\n", "\n").replace("\r", "\n")
    assert unix.lstrip(" ").startswith(shown.rstrip().lstrip(" "))


def test_each_line_end_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot, offset = at_cursor("function f() {\n  const x = ‸\n}\n", "javascript")
    parsed: list[str] = []
    replaced = SyntaxTree.replaced

    def counted(tree: SyntaxTree, change: Replacement) -> SyntaxTree | None:
        parsed.append(change.text)
        return replaced(tree, change)

    monkeypatch.setattr(SyntaxTree, "replaced", counted)
    trim = Trim(survey(snapshot, offset), block=False)
    for character in "items\n    .map(g)\n    .filter(h)\n  return x":
        trim.feed(character)
    assert trim.finish() == Trimmed("items\n    .map(g)\n    .filter(h)", True)
    assert parsed == [
        "items\n    .map",
        "items\n    .map(g)\n    .filter",
        "items\n    .map(g)\n    .filter(h)\n  return",
    ]


def test_one_line_only_when_asked() -> None:
    assert run("def f(x):\n    ‸\n", "python", ["y = 1\n    return y\n"], multiline=False)[-1].text == "y = 1"
    assert run("x = f(‸\n", "python", ["a,\n  b)\n"], multiline=False)[-1].text == "a,"


def test_a_truncated_block_loses_the_line_that_was_cut() -> None:
    snapshot, offset = at_cursor("def f(x):\n    ‸\n", "python")
    trim = Trim(survey(snapshot, offset), block=True)
    trim.feed("y = 1\n    return so")
    assert trim.finish(truncated=True) == Trimmed("y = 1", True)


def test_nothing_more_is_taken_once_complete() -> None:
    snapshot, offset = at_cursor("x = ‸\n", "python")
    trim = Trim(survey(snapshot, offset), block=False)
    assert trim.feed("1\n") == Trimmed("1", True)
    assert trim.feed("2") == trim.finish() == Trimmed("1", True)
