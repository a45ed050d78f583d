"""Who keeps count: one reply each, and none for an old version."""

from typing import Any

from benchmarks.storming.ledger import Ledger

TEXT = {"items": [{"insertText": "x"}]}


def reply(identity: int | str | None, result: Any = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "result": result}


def test_each_request_is_waited_for_until_its_one_reply() -> None:
    ledger = Ledger()
    ledger.request(1)
    ledger.request("1")
    assert (ledger.num_waiting, ledger.is_settled) == (2, False)
    ledger.reply(reply("1"))
    ledger.reply(reply(1))
    assert (ledger.num_waiting, ledger.num_replies, ledger.num_surplus, ledger.is_settled) == (0, 2, 0, True)
    ledger.reply(reply(1))
    ledger.reply(reply("never asked"))
    assert (ledger.num_replies, ledger.num_surplus) == (2, 2)


def test_an_id_that_is_used_twice_is_replied_to_twice() -> None:
    ledger = Ledger()
    ledger.request(1, "a")
    ledger.request(1)
    ledger.reply(reply(1))
    assert ledger.num_waiting == 1
    ledger.reply(reply(1))
    assert (ledger.num_waiting, ledger.num_surplus) == (0, 0)


def test_what_has_no_id_is_counted() -> None:
    ledger = Ledger()
    ledger.nameless()
    assert (ledger.num_nameless, ledger.is_settled) == (-1, False)
    ledger.reply(reply(None))
    assert (ledger.num_nameless, ledger.is_settled) == (0, True)
    ledger.reply(reply(None))
    assert ledger.num_nameless == 1


def test_a_text_behind_what_was_sent_behind_a_change_is_stale() -> None:
    ledger = Ledger()
    ledger.request(1, "a")
    ledger.notification(changed="a")
    ledger.request(2)
    ledger.reply(reply(2))  # the server has read the change
    ledger.reply(reply(1, TEXT))
    assert (ledger.num_texts, ledger.num_stale) == (1, 1)


def test_a_text_that_crosses_a_change_is_not_stale() -> None:
    ledger = Ledger()
    ledger.request(0)
    ledger.request(1, "a")
    ledger.notification(changed="b")
    ledger.notification(changed="a")
    ledger.request(2, "a")
    ledger.reply(reply(0))  # sent before the change: it tells nothing of what was read
    ledger.reply(reply(1, TEXT))
    ledger.reply(reply(2, TEXT))
    assert (ledger.num_texts, ledger.num_stale) == (2, 0)


def test_an_empty_reply_is_never_stale() -> None:
    ledger = Ledger()
    ledger.request(1, "a")
    ledger.notification(changed="a")
    ledger.request(2)
    ledger.reply(reply(2))
    ledger.reply(reply(1, {"items": []}))
    assert (ledger.num_texts, ledger.num_stale) == (0, 0)


def test_of_two_with_one_id_a_text_is_for_the_one_about_a_document() -> None:
    ledger = Ledger()
    ledger.request(1)
    ledger.notification(changed="a")
    ledger.request(1, "a")
    ledger.request(2)
    ledger.reply(reply(2))
    ledger.reply(reply(1, TEXT))
    assert ledger.num_stale == 0
