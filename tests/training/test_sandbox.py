from __future__ import annotations

import pytest

from training.sandbox import passes, without_network


@pytest.mark.parametrize(
    ("program", "passed"),
    [
        ("assert 1 + 1 == 2", True),
        ("assert 1 + 1 == 3", False),
        ("def broken(:", False),
        ("while True: pass", False),
        ("x = bytearray(3 << 30)", False),
        ("open('f', 'wb').write(bytes(2 << 20))", False),
        ("import os, sys; sys.exit(0 if set(os.environ) <= {'PATH', 'HOME', 'LC_CTYPE'} else 1)", True),
    ],
)
def test_a_program_passes_or_not_within_its_limits(program: str, passed: bool) -> None:
    assert passes(program) is passed


def test_where_namespaces_are_permitted_there_is_no_network() -> None:
    program = "import socket\nassert socket.if_nameindex() == [(1, 'lo')]"
    assert passes(program) is bool(without_network())
