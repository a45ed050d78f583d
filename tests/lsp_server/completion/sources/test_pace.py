"""Slices of work: whoever else is ready has a turn between two of them."""

import asyncio

import pytest

from lsp_server.completion.sources import pace as module
from lsp_server.completion.sources.pace import Pace


async def turns_of_others(num_steps: int) -> int:
    """How often the event loop comes round while a task takes so many steps."""
    count = 0
    is_over = False

    async def others() -> None:
        nonlocal count
        while not is_over:
            count += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await asyncio.sleep(0)
    before, pace = count, Pace()
    for _ in range(num_steps):
        await pace.rest()
    is_over = True
    await task
    return count - before


@pytest.mark.asyncio
async def test_a_slice_that_is_over_lets_others_have_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE_S", 0.0)
    assert await turns_of_others(50) == 50


@pytest.mark.asyncio
async def test_within_a_slice_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE_S", 3600.0)
    assert await turns_of_others(50) == 0
