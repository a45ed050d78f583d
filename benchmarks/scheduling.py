"""Sixteen people typing, one worker: what the scheduler makes of it, against fixed policies.

    python -m benchmarks.scheduling [--rate N] [--seconds N] [--clients N] [--seed N]
                                    [--real] [--costs FILE] [--json]

First the shipped model's steps are measured, for many mixtures of prompts and answers. Then the engine serves
the same typing under each policy in virtual time: it is the engine that ships, on a model that says letters
and lets as much time pass as was measured, give or take a fifth. With --real
the shipped model answers, in real time.

Clients type in bursts, and every key asks anew, which supersedes; some requests are taken back. A request is
in time if its first text (or the end of an answer without any) comes within the deadline that requests have.
One given up before its deadline is not counted; one given up after it has waited till then.
"""

import argparse
import json
import platform
import random
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from benchmarks.percentile import nearest_rank
from benchmarks.step_grid import Grid, PacedModel, measured
from inference.card import Card
from inference.engine import Engine
from inference.model import Model, ModelError
from inference.models.load import load
from inference.prompt import PromptText
from inference.request import DEADLINE_MS, DoneEvent, ErrorEvent, Event, Request
from inference.scheduler import Part, Scheduler
from inference.step_cost import StepCost
from inference.tokenizer import Tokenizer

FIXED_CHUNK = 128
KEYS_PER_SECOND = 8.0
BURST_KEYS = 12
TAKEN_BACK = 0.1
"""Share of requests that an abort follows within 60 ms."""
MAX_TOKENS = 24
_FILES = sorted(Path(argparse.__file__).parent.glob("*.py"), key=lambda path: (-path.stat().st_size, path))


class Turns(Scheduler):
    """A fixed policy: a step is one request's, in turns: 128 tokens of its prompt, or one of its answer."""

    def plan(self, now: float) -> list[Part]:
        for _ in range(len(self._requests)):
            self._requests.rotate(-1)
            generation = self._requests[-1]
            for hypothesis in generation.beam.pending() if generation.beam is not None else ():
                start, end = hypothesis.sequence.length, len(hypothesis.token_ids)
                return [Part(generation, hypothesis, start, min(end, start + FIXED_CHUNK))]
        return []


class Together(Scheduler):
    """Another: every answer and 128 tokens of prompts in each step, newest first."""

    def _room(self, *_: object) -> int:
        return FIXED_CHUNK

    def _in_order(self, prompts: list[Part], now: float) -> list[Part]:
        return prompts


POLICIES: dict[str, type[Scheduler]] = {
    "turns, chunks of 128": Turns,
    "together, chunks of 128": Together,
    "as it ships": Scheduler,
}


@dataclass(frozen=True, slots=True)
class Act:
    """What a client does at `at` seconds: asks (`request`), or takes back what it asked."""

    at: float
    key: int
    request: Request | None


def typing(rate: float, seconds: float, clients: int, seed: int) -> list[Act]:
    """A burst of keys in a file, a pause, the next burst there or elsewhere; in order of time."""
    acts: list[Act] = []
    keys = iter(range(1, 1 << 30))
    for client in range(clients):
        draw = random.Random(f"{seed} {client}")
        text = _FILES[client % len(_FILES)].read_text(encoding="utf-8")
        starts = [at + 1 for at, character in enumerate(text) if character == "\n"]
        pause = max(BURST_KEYS * (clients / rate - 1 / KEYS_PER_SECOND), 0.0)
        now, at = draw.uniform(0, pause + BURST_KEYS / KEYS_PER_SECOND), draw.choice(starts)
        while now < seconds:
            suffix = text[text.find("\n", at + BURST_KEYS) :]
            for number in range(BURST_KEYS):
                request = Request(
                    next(keys), f"{client}", PromptText(text[: at + number], suffix), max_tokens=MAX_TOKENS
                )
                acts.append(Act(now, request.key, request))
                if draw.random() < TAKEN_BACK:
                    acts.append(Act(now + draw.uniform(0.01, 0.06), request.key, None))
                now += draw.lognormvariate(0, 0.3) / KEYS_PER_SECOND
            now += draw.expovariate(1 / pause) if pause else 0.0
            at = draw.choice(starts) if draw.random() < 0.5 else at + BURST_KEYS
    return sorted((act for act in acts if act.at < seconds), key=lambda act: act.at)


class Clock(Protocol):
    """Seconds."""

    def __call__(self) -> float: ...

    def wait_until(self, then: float) -> None: ...


class VirtualClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait_until(self, then: float) -> None:
        self.now = max(self.now, then)


class RealClock:
    def __init__(self) -> None:
        self._start = time.perf_counter()

    def __call__(self) -> float:
        return time.perf_counter() - self._start

    def wait_until(self, then: float) -> None:
        time.sleep(max(then - self(), 0.0))


@dataclass(slots=True)
class Wait:
    """One request, seconds. `text` is when it was answered, `given_up` when its user no longer wanted it."""

    asked: float
    text: float | None = None
    done: float | None = None
    given_up: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One policy. Times in milliseconds; `goodput` are requests a second that were in time, `in_time` their
    share of those that count."""

    policy: str
    requests: int
    goodput: float
    in_time: float
    text_p50: float
    text_p99: float
    done_p50: float
    done_p99: float
    steps: int
    step_p50: float
    step_p99: float


def serve(engine: Engine, acts: list[Act], clock: Clock) -> tuple[list[Wait], list[float]]:
    """What became of each request, and how long each step took, in milliseconds."""
    waits: dict[int, Wait] = {}
    newest: dict[str, int] = {}
    steps: list[float] = []
    todo = iter(acts)
    act = next(todo, None)
    while act is not None or engine.has_work:
        while act is not None and act.at <= clock():
            if act.request is None:
                engine.abort(act.key)
                _give_up(waits[act.key], act.at)
            else:
                if (older := newest.get(act.request.document)) is not None:
                    _give_up(waits[older], act.at)
                newest[act.request.document] = act.key
                waits[act.key] = Wait(act.at)
                engine.submit(act.request)
            act = next(todo, None)
        if engine.has_work:
            started = clock()
            _note(engine.step(), waits, clock)
            steps.append(1e3 * (clock() - started))
        elif act is not None:
            clock.wait_until(act.at)
    return list(waits.values()), steps


def _give_up(wait: Wait, now: float) -> None:
    if wait.given_up is None and wait.done is None:
        wait.given_up = now


def _note(events: list[Event], waits: dict[int, Wait], clock: Clock) -> None:
    now = clock()
    for event in events:
        wait = waits[event.key]
        if isinstance(event, ErrorEvent):
            raise ModelError(event.message)
        if isinstance(event, DoneEvent):
            if event.stop_reason in ("aborted", "superseded"):
                continue
            wait.done = now
        if wait.text is None:
            wait.text = now


def summary(policy: str, waits: list[Wait], steps: list[float], seconds: float) -> Row:
    deadline = DEADLINE_MS / 1e3
    waited = []
    for wait in waits:
        end = wait.text if wait.text is not None else wait.given_up
        if end is not None and (wait.text is not None or end - wait.asked >= deadline):
            waited.append(end - wait.asked)
    good = sum(each <= deadline for each in waited)
    text = sorted(1e3 * each for each in waited)
    done = sorted(1e3 * (wait.done - wait.asked) for wait in waits if wait.done is not None)
    long = sorted(steps)
    return Row(
        policy=policy,
        requests=len(text),
        goodput=good / seconds,
        in_time=good / max(len(text), 1),
        text_p50=nearest_rank(text, 0.5),
        text_p99=nearest_rank(text, 0.99),
        done_p50=nearest_rank(done, 0.5),
        done_p99=nearest_rank(done, 0.99),
        steps=len(steps),
        step_p50=nearest_rank(long, 0.5),
        step_p99=nearest_rank(long, 0.99),
    )


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        model, tokenizer, card = load()
    except ModelError as error:
        print(f"scheduling: {error}", file=sys.stderr)
        return 1
    grid = None
    if not options.real:
        grid = Grid(**json.loads(options.costs.read_text())["grid"]) if options.costs else measured(model)
    acts = typing(options.rate, options.seconds, options.clients, options.seed)
    rows = [
        row(name, policy, model, tokenizer, card, grid, acts, options.seconds)
        for name, policy in POLICIES.items()
    ]
    machine = f"{model.device}, {platform.machine()}"
    if options.json:
        report = {"machine": machine, "rows": [asdict(r) for r in rows], "grid": grid and asdict(grid)}
        print(json.dumps(report))
    else:
        print(table(rows, machine))
    return 0


def row(
    name: str,
    policy: type[Scheduler],
    model: Model,
    tokenizer: Tokenizer,
    card: Card,
    grid: Grid | None,
    acts: list[Act],
    seconds: float,
) -> Row:
    """One policy over the same typing; on the model itself, or one that is paced by `grid`."""
    clock: Clock
    if grid is None:
        clock = RealClock()
    else:
        clock = VirtualClock()
        model = PacedModel(model, tokenizer, card, grid, clock)
        card = replace(card, copy_weights=(), beam_width=1)
    scheduler = policy(StepCost(), 1 << 20)
    engine = Engine(model, tokenizer, card, scheduler=scheduler, clock=clock)
    return summary(name, *serve(engine, acts, clock), seconds)


def table(rows: list[Row], machine: str) -> str:
    lines = [
        machine,
        "",
        "| policy | requests | in time | in time a second | first text, ms: p50 | p99 "
        "| whole answer: p50 | p99 | step: p50 | p99 |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for r in rows:
        times = (r.text_p50, r.text_p99, r.done_p50, r.done_p99, r.step_p50, r.step_p99)
        cells = " | ".join(f"{value:.1f}" for value in times)
        lines.append(f"| {r.policy} | {r.requests} | {r.in_time:.1%} | {r.goodput:.1f} | {cells} |")
    return "\n".join(lines)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scheduling", description="Many people typing, one worker."
    )
    add = parser.add_argument
    add("--rate", type=float, default=50.0, help="requests a second of all (default: %(default)s)")
    add("--seconds", type=float, default=20.0, help="of typing (default: %(default)s)")
    add("--clients", type=int, default=16, help="who type (default: %(default)s)")
    add("--seed", type=int, default=0, help="draws what is typed when (default: %(default)s)")
    add("--real", action="store_true", help="the shipped model in real time, instead of its measured steps")
    add("--costs", type=Path, metavar="FILE", help="measured steps from an earlier --json")
    add("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
