import pytest

from lsp_server.worker_link import LinkStatus
from tests.lsp_server.fake_editor import FakeEditor

pytestmark = pytest.mark.asyncio


async def test_every_change_is_told_and_an_error_is_logged_with_its_cure() -> None:
    async with FakeEditor() as editor:
        await editor.hear("midfill/status")
        editor.link.on_status(LinkStatus("busy", "", "tiny", "cpu"))
        editor.link.on_status(LinkStatus("error", "there is no model.", "", "", "Run midfill doctor."))
        told = await editor.hear("midfill/status", 3)
        assert told[1] == {"state": "busy", "message": "", "model": "tiny", "device": "cpu", "cure": ""}
        assert told[2]["cure"] == "Run midfill doctor."
        [logged] = await editor.hear("window/logMessage")
        assert logged == {"type": 1, "message": "there is no model. Run midfill doctor."}
        assert editor.heard("window/showMessage") == []
