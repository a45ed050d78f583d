from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest

from training.documents import Document
from training.neighbours import MAX_PLACES, Neighbours, Place

SHAPES = Document(
    "import math\n\n\nclass Circle:\n    def area_of(self):\n        pass\n", "pkg/shapes.py", "geo"
)
USER = Document("from pkg.shapes import Circle\n\n\ndef draw_all():\n    pass\n", "app/user.py", "geo")
MATE = Document("# one\n# two\n# three\n", "app/mate.py", "geo")
ELSEWHERE = Document("\nclass Circle:\n    other = 1\n", "a.py", "another project")
DOCUMENTS = (SHAPES, USER, MATE, ELSEWHERE)


def draws(
    document: Document, near: Iterable[str], documents: Sequence[Document] = DOCUMENTS
) -> set[Place | None]:
    neighbours, rng, near = Neighbours(documents), random.Random(1), tuple(near)
    return {neighbours.draw(rng, document, near) for _ in range(200)}


def shown(places: set[Place | None]) -> set[str | None]:
    return {place and place.document.text[place.start :].split("\n")[0] for place in places}


def test_a_name_brings_its_definition_and_otherwise_a_chunk_of_the_folder() -> None:
    assert shown(draws(USER, ["    circle = Circle(1)"])) == {"class Circle:"}
    assert shown(draws(USER, ["    square = Square(1)"])) == {"# one", "# two", "# three", ""}


def test_the_first_text_with_a_known_name_decides() -> None:
    other = Document("\ndef area_of_all():\n    pass\n", "pkg/all.py", "geo")
    places = draws(Document("", "main.py", "geo"), ["area_of_all()", "Circle()"], [*DOCUMENTS, other])
    assert shown(places) == {"def area_of_all():"}
    places = draws(Document("", "main.py", "geo"), ["nothing()", "Circle()"], [*DOCUMENTS, other])
    assert shown(places) == {"class Circle:"}


def test_nothing_comes_from_the_file_itself_nor_from_another_project() -> None:
    for document in DOCUMENTS:
        for place in draws(document, ["Circle() draw_all() area_of()"], DOCUMENTS * 2):
            assert place is None or place.document.path != document.path
            assert place is None or place.document.source == document.source


@pytest.mark.parametrize("own", ["class Circle:\n", "if True:\n    class Circle:\n        pass\n"])
def test_a_name_that_the_file_defines_itself_is_no_other_files(own: str) -> None:
    assert draws(Document(own, "main.py", "geo"), ["Circle()"]) == {None}


def test_methods_and_tests_are_no_definitions() -> None:
    test = Document("\ndef helper_of_tests():\n    pass\n", "tests/a.py", "geo")
    assert draws(Document("", "main.py", "geo"), ["area_of() helper_of_tests()"], [*DOCUMENTS, test]) == {
        None
    }


@pytest.mark.parametrize(
    ("language", "header"),
    [
        ("python", "async def fetch_all(url):"),
        ("typescript", "export default async function fetch_all(url: string) {"),
        ("tsx", "export const fetch_all = () => {"),
        ("java", "public abstract class fetch_all {"),
        ("go", "func fetch_all(url string) error {"),
        ("rust", "pub(crate) async fn fetch_all(url: &str) {"),
        ("c", "typedef struct fetch_all {"),
        ("c", "static int *fetch_all(const char *url)\n{"),
        ("cpp", "class fetch_all : public Base\n{"),
    ],
)
def test_each_language_defines_in_its_way(language: str, header: str) -> None:
    other = Document(f"\n\n{header}\n", "lib/a", "s", language)
    here = Document("", "b", "s", language)
    assert shown(draws(here, ["fetch_all("], [other, here])) == {header.split("\n")[0]}
    stranger = Document("", "b", "s", "sql")
    assert draws(stranger, ["fetch_all("], [other, stranger]) == {None}


def test_a_name_that_is_everywhere_is_kept_a_few_times() -> None:
    many = [Document("\ndef run_all():\n    pass\n", f"{number}/a.py", "s") for number in range(9)]
    places = draws(Document("", "main.py", "s"), ["run_all()"], many)
    assert len(places) == MAX_PLACES
