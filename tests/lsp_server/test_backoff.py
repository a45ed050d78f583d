from lsp_server.backoff import Backoff


def test_the_pause_doubles_up_to_the_longest() -> None:
    backoff = Backoff()
    # Failures so far apart that no five fall into one minute.
    assert [backoff.after_failure(20.0 * n) for n in range(9)] == [
        0.2,
        0.4,
        0.8,
        1.6,
        3.2,
        6.4,
        10.0,
        10.0,
        10.0,
    ]


def test_five_failures_within_a_minute_are_too_many() -> None:
    backoff = Backoff()
    assert [backoff.after_failure(n) for n in (0.0, 15.0, 30.0, 45.0)] == [0.2, 0.4, 0.8, 1.6]
    assert backoff.after_failure(60.0) is None


def test_a_failure_is_forgotten_after_a_minute() -> None:
    backoff = Backoff()
    for now in (0.0, 15.0, 30.0, 45.0):
        backoff.after_failure(now)
    assert backoff.after_failure(60.1) == 3.2


def test_success_brings_back_the_shortest_pause_and_forgets_no_failure() -> None:
    backoff = Backoff()
    for now in (0.0, 1.0, 2.0):
        backoff.after_failure(now)
    backoff.after_success()
    assert backoff.after_failure(3.0) == 0.2
    backoff.after_success()
    assert backoff.after_failure(4.0) is None
