from lsp_server.turns import Turns


def test_a_newer_turn_takes_the_older_ones_place() -> None:
    turns, stopped = Turns(), []
    first = turns.take("a")
    first.on_lost(lambda: stopped.append("first"))
    other = turns.take("b")
    assert not first.is_lost()
    second = turns.take("a")
    assert first.is_lost() and stopped == ["first"]
    assert not second.is_lost() and not other.is_lost()


def test_whoever_lost_the_turn_before_it_could_stop_is_stopped_at_once() -> None:
    turns, stopped = Turns(), []
    first = turns.take("a")
    turns.take("a")
    first.on_lost(lambda: stopped.append("first"))
    assert stopped == ["first"]


def test_a_change_ends_the_turn_and_an_answered_one_is_not_ended_again() -> None:
    turns, stopped = Turns(), []
    turn = turns.take("a")
    turn.on_lost(lambda: stopped.append("turn"))
    turns.give_back("a", turn)
    turns.end("a")
    assert stopped == [] and not turn.is_lost()
    turn = turns.take("a")
    turns.end("a")
    assert turn.is_lost()


def test_giving_back_a_lost_turn_leaves_the_newer_one() -> None:
    turns = Turns()
    first, second = turns.take("a"), turns.take("a")
    turns.give_back("a", first)
    turns.end("a")
    assert second.is_lost()
