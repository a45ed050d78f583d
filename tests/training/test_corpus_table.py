from __future__ import annotations

from training.corpus_table import CorpusTable
from training.sources import Source

PYTHON = Source("git", "a/python", "0" * 40, "MIT", passes=2.0)
CHINESE = Source("git", "a/go", "0" * 40, "Apache-2.0", part="chinese")
ASIDE = Source("git", "a/aside", "0" * 40, "MIT", held_out=True)


def filled(with_tokens: bool) -> CorpusTable:
    table = CorpusTable(with_tokens)
    table.add(PYTHON, "python", 3_000_000, 1_000_000)
    table.add(CHINESE, "go", 1_000_000, 250_000)
    table.add(ASIDE, "python", 500_000)
    return table


def test_the_table_is_aligned_and_its_shares_are_of_the_training_split() -> None:
    assert filled(True).text({"size": 1, "near duplicate": 1_200}, {"secrets": 3}).split("\n") == [
        "                  files    MB   share  used MB   share  held-out MB  M tokens",
        "language",
        "  python              1  3.00   75.0%     6.00   85.7%         0.50      1.00",
        "  go                  1  1.00   25.0%     1.00   14.3%         0.00      0.25",
        "licence",
        "  MIT                 1  3.00   75.0%     6.00   85.7%         0.50      1.00",
        "  Apache-2.0          1  1.00   25.0%     1.00   14.3%         0.00      0.25",
        "part",
        "  main                1  3.00   75.0%     6.00   85.7%         0.50      1.00",
        "  chinese             1  1.00   25.0%     1.00   14.3%         0.00      0.25",
        "total                 2  4.00  100.0%     7.00  100.0%         0.50      1.25",
        "left out, files",
        "  near duplicate  1,200",
        "  size                1",
        "replaced",
        "  secrets             3",
    ]


def test_without_a_tokenizer_there_is_no_column_of_tokens() -> None:
    assert "tokens" not in filled(False).text({}, {})


def test_the_summary_says_the_same() -> None:
    summary = filled(True).summary()
    assert summary["by_part"]["chinese"]["bytes"] == 1_000_000
    assert summary["by_language"]["python"]["weighted_bytes"] == 6_000_000
    assert summary["total"]["held_out_files"] == 1


def test_an_empty_corpus_has_a_table() -> None:
    assert CorpusTable().text({}, {}).split("\n")[4].split() == [
        "total",
        "0",
        "0.00",
        "0.0%",
        "0.00",
        "0.0%",
        "0.00",
    ]
