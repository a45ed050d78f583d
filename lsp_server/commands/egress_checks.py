"""What `midfill doctor --no-egress` says of a session that was watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lsp_server.commands.checks import Check
from lsp_server.egress.rehearsal import Outcome, rehearse

REPORT = "report it: Midfill has no business there (SECURITY.md)"
MAX_TOLD = 5


def check_egress(
    model: str, precision: str = "auto", run: Callable[[str, str], Outcome] = rehearse
) -> Iterator[Check]:
    """The session, then what was seen of it. Takes as long as a worker takes to start, and some seconds."""
    seen = run(model, precision)
    if seen.error or not seen.num_answers:
        reason = seen.error or "the model had nothing to say"
        yield Check("session", f"it proves nothing: {reason}", "see `midfill doctor`, and try again")
    else:
        yield Check("session", f"{seen.num_answers} completions by {seen.num_processes} processes")
    if seen.attempts:
        yield Check("calls", _told(seen.attempts), REPORT)
    elif seen.no_filter:
        yield Check("calls", f"not watched, only the sockets: there is no filter here ({seen.no_filter})")
    else:
        yield Check("calls", "the kernel saw none ask for a socket that leads elsewhere (seccomp)")
    if seen.held:
        yield Check("sockets", _told(seen.held), REPORT)
    else:
        yield Check("sockets", f"looked at {seen.num_looks} times: none held one that leads elsewhere")


def _told(found: tuple[object, ...]) -> str:
    rest = f"; and {len(found) - MAX_TOLD} more" if len(found) > MAX_TOLD else ""
    return "; ".join(map(str, found[:MAX_TOLD])) + rest
