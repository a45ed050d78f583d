"""Stock of a small warehouse, read from CSV and changed by orders."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


class OutOfStockError(Exception):
    """An order asks for more than there is."""


@dataclass
class Item:
    """One article: its code, what it is called, how many there are and what one costs in cents."""

    sku: str
    name: str
    quantity: int = 0
    price: int = 0

    @property
    def value(self) -> int:
        return self.quantity * self.price


class Inventory:
    def __init__(self, items: Iterable[Item] = ()) -> None:
        self.items = {item.sku: item for item in items}

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items.values())

    def __len__(self) -> int:
        return len(self.items)

    def add(self, item: Item) -> None:
        if item.sku in self.items:
            self.items[item.sku].quantity += item.quantity
        else:
            self.items[item.sku] = item

    def remove(self, sku: str, quantity: int) -> None:
        item = self.items[sku]
        if item.quantity < quantity:
            raise OutOfStockError(f"{sku}: {quantity} wanted, {item.quantity} left")
        item.quantity -= quantity

    def total(self) -> int:
        total = 0
        for item in self.items.values():
            total += item.value
        return total

    def cheapest(self) -> Item:
        return min(self, key=lambda item: item.price)


def load(path: Path) -> Inventory:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    items = []
    for row in rows:
        items.append(Item(row["sku"], row["name"], int(row["quantity"]), int(row["price"])))
    return Inventory(items)
