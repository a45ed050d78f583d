from __future__ import annotations

import json
from pathlib import Path

from training.documents import Document, read_documents


def test_documents_keep_what_their_records_say(tmp_path: Path) -> None:
    records = [
        {"source": "s", "path": "a/b.rs", "language": "rust", "text": "one"},
        {"source": "s", "path": "a.py", "text": "two"},
        {"source": "none", "path": "c.py", "text": "three"},
    ]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    documents = read_documents(tmp_path, "train", {"s": 2.0, "none": 0.0}, seed=1)
    assert sorted(documents, key=lambda d: d.text) == [
        *[Document("one", "a/b.rs", "s", "rust")] * 2,
        *[Document("two", "a.py", "s", "python")] * 2,
    ]
