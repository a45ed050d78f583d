"""What a person reads of the figures."""

from __future__ import annotations

from typing import Any

from training.cursors import KINDS

WIDTH = 34


def _row(name: str, text: str) -> None:
    print(f"{name:{WIDTH}} {text}", flush=True)


def bits(name: str, value: float) -> None:
    _row(name, f"{value:.3f}")


def lines(kind: str, score: dict[str, Any]) -> None:
    _row(
        f"{kind}, {score['cursors']} cursors",
        f"exact {score['exact']:.1%}  similarity {score['similarity']:.1%}",
    )
    for name, column in (("copying", "copy"), ("n-grams of tokens", "ngram")):
        exact, similarity = score[f"{column}_exact"], score[f"{column}_similarity"]
        _row(f"  {name}", f"exact {exact:.1%}  similarity {similarity:.1%}")
    _row("  the better of model and copying", f"exact {score['either_exact']:.1%}")


def calibration(what: str, score: dict[str, Any]) -> None:
    if not score["answers"]:
        _row(f"calibration by {what}", "nothing was shown")
        return
    _row(
        f"calibration by {what}",
        f"{score['answers']} shown  expected error {score['error']:.3f}  Brier {score['brier']:.3f}"
        f" (always {score['right']:.0%}: {score['brier_of_rate']:.3f})",
    )
    for row in score["table"]:
        if row["answers"]:
            _row(
                f"  {row['from']:.1f} to {row['to']:.1f}",
                f"{row['answers']:5} answers  sure {row['probability']:6.1%}  right {row['right']:6.1%}",
            )


def languages(table: dict[str, dict[str, Any]]) -> None:
    """A line per language; `table` maps its name to the figures of each kind."""
    print(f"{'language':14}" + "".join(f"  {kind:>12} exact (sim.)  copying  n-gram" for kind in KINDS))
    for name, scores in table.items():
        cells = "".join(
            f"  {scores[kind]['exact']:18.1%} ({scores[kind]['similarity']:4.0%})"
            f"  {scores[kind]['copy_exact']:7.1%} {scores[kind]['ngram_exact']:7.1%}"
            for kind in KINDS
        )
        print(f"{name:14}{cells}", flush=True)


def typing(score: dict[str, Any]) -> None:
    for name, what in (("whole", "whole completions"), ("words", "and word by word")):
        one = score[name]
        per_accepted, per_character = one["shown_per_accepted"], one["characters_shown_per_accepted"]
        ratios = (
            f"{per_accepted:.1f} shown per accepted, {per_character:.1f} characters shown per character"
            if per_accepted is not None
            else "nothing accepted"
        )
        title = f"typing {score['lines']} lines, {what}" if name == "whole" else f"  {what}"
        _row(title, f"keys saved {one['saved']:.1%}  {ratios}")


def ends(scores: dict[str, dict[str, Any]]) -> None:
    for name, score in scores.items():
        _row(
            f"ends where it belongs, {name}",
            f"{score['right']:.1%} of {score['cursors']}"
            f"  (there {score['there']:.1%}, not before {score['not_before']:.1%})",
        )


def inside_words(score: dict[str, Any]) -> None:
    _row(
        f"inside a word, {score['pairs']} pairs",
        f"exact {score['inside_exact']:.1%}, at its start {score['start_exact']:.1%}"
        f"  (only inside {score['only_inside']}, only at the start {score['only_start']})",
    )


def infilling(score: dict[str, Any]) -> None:
    _row(
        f"HumanEval, {score['problems']} lines",
        f"pass@1 {score['pass']:.1%}  exact {score['exact']:.1%}  network: {score['network']}",
    )
    _row("  bare prompt", f"pass@1 {score['bare_pass']:.1%}")
    _row("  blank line", f"pass@1 {score['blank_pass']:.1%}")


def best_of(score: dict[str, Any]) -> None:
    _row(
        f"  best of {score['count']} by compile()",
        f"pass@1 {score['pass']:.1%}  compiles {score['compiles']:.1%}"
        f" (greedy {score['greedy_compiles']:.1%})",
    )


def programs(name: str, score: dict[str, Any]) -> None:
    _row(f"{name}, {score['problems']} programs", f"pass@1 {score['pass']:.1%}")


def code_xglue(score: dict[str, Any]) -> None:
    _row(
        f"CodeXGLUE, {score['lines']} lines",
        f"exact {score['exact']:.1%}  similarity {score['similarity']:.1%}",
    )
