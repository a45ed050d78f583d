"""Counts who asked for what in a web server's log."""

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

LINE = re.compile(
    r'(?P<host>\S+) \S+ \S+ \[(?P<time>[^]]+)\] "(?P<method>\S+) (?P<path>\S+) [^"]*" (?P<status>\d+)'
)


def read(path: Path) -> list[dict[str, str]]:
    requests = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            match = LINE.match(line)
            if match is None:
                print(f"{path}:{number}: not a request", file=sys.stderr)
                continue
            requests.append(match.groupdict())
    return requests


def most_common(requests: list[dict[str, str]], field: str, limit: int) -> list[tuple[str, int]]:
    counter = Counter(request[field] for request in requests)
    return counter.most_common(limit)


def main() -> int:
    parser = argparse.ArgumentParser(description="Count the requests of a web server's log.")
    parser.add_argument("path", type=Path, help="the log file")
    parser.add_argument("--field", default="path", help="what to count by")
    parser.add_argument("--limit", type=int, default=10, help="how many lines to print")
    options = parser.parse_args()
    requests = read(options.path)
    for value, count in most_common(requests, options.field, options.limit):
        print(f"{count:8} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
