"""The real server, the real worker and the index, under the filter."""

import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from lsp_server.egress.rehearsal import rehearse
from tests.own_home import own_home


@pytest.mark.skipif(platform.system() != "Linux", reason="seccomp and /proc are Linux's")
def test_no_process_asks_for_a_socket_to_elsewhere(
    make_scripted_model: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_scripted_model("print(shape)")
    with own_home() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        seen = rehearse(str(model))
    assert seen.error == ""
    assert seen.num_answers > 0
    assert seen.num_processes >= 3  # the server, its worker and the index's
    assert seen.no_filter == ""
    assert seen.attempts == ()
    assert seen.held == ()
