"""Files that are open or were: in which order, how many, and for how long."""

from lsp_server.document import Document, Snapshot
from lsp_server.recent_files import CLOSED_S, MAX_CLOSED, MAX_CLOSED_CHARACTERS, MAX_OTHERS, RecentFiles


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def document(number: int, text: str = "x") -> Snapshot:
    return Document(f"file:///{number}.py", "python", 1, text).snapshot


def uris(files: RecentFiles, uri: str = "") -> list[str]:
    return [each.uri.removeprefix("file:///") for each in files.others(uri)]


def test_the_last_used_comes_first() -> None:
    files = RecentFiles()
    for number in (1, 2, 3, 1):
        files.used(document(number))
    assert uris(files) == ["1.py", "3.py", "2.py"]
    assert uris(files, "file:///1.py") == ["3.py", "2.py"]


def test_what_is_closed_is_kept_for_a_while() -> None:
    clock = Clock()
    files = RecentFiles(clock)
    files.used(document(1))
    files.used(document(2))
    files.closed("file:///1.py")
    clock.now = CLOSED_S
    assert uris(files) == ["2.py", "1.py"]
    clock.now = CLOSED_S + 1
    assert uris(files) == ["2.py"]
    assert files.get("file:///1.py") is None
    assert len(files) == 1


def test_opened_again_it_stays() -> None:
    clock = Clock()
    files = RecentFiles(clock)
    files.used(document(1))
    files.closed("file:///1.py")
    files.used(document(1, "new"))
    clock.now = 2 * CLOSED_S
    kept = files.get("file:///1.py")
    assert kept is not None
    assert kept.text == "new"


def test_no_more_than_a_few_that_are_closed() -> None:
    clock = Clock()
    files = RecentFiles(clock)
    for number in range(MAX_CLOSED + 5):
        clock.now += 1
        files.used(document(number))
        files.closed(f"file:///{number}.py")
    assert len(files) == MAX_CLOSED
    assert uris(files)[0] == f"{MAX_CLOSED + 4}.py"


def test_no_more_text_than_a_bound() -> None:
    files = RecentFiles(Clock())
    for number in range(3):
        files.used(document(number, "x" * (MAX_CLOSED_CHARACTERS // 2 + 1)))
        files.closed(f"file:///{number}.py")
    assert len(files) == 1


def test_not_all_open_files_are_looked_at() -> None:
    files = RecentFiles()
    for number in range(MAX_OTHERS + 5):
        files.used(document(number))
    assert len(uris(files)) == MAX_OTHERS
    assert len(files) == MAX_OTHERS + 5


def test_what_is_forgotten_is_gone() -> None:
    files = RecentFiles()
    files.used(document(1))
    files.forget("file:///1.py")
    files.closed("file:///1.py")
    assert len(files) == 0
