"""A client that asks until the worker is up: before that the answer is empty."""

import asyncio

from lsprotocol import types
from pytest_lsp import LanguageClient

GIVE_UP_S = 180.0


async def completed(
    client: LanguageClient, params: types.InlineCompletionParams
) -> types.InlineCompletionItem:
    """The one item of the first answer that has any."""
    async with asyncio.timeout(GIVE_UP_S):
        while True:
            result = await client.text_document_inline_completion_async(params)
            assert isinstance(result, types.InlineCompletionList)
            if result.items:
                [item] = result.items
                return item
            await asyncio.sleep(0.05)
