"""One tensor of a checkpoint's file, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.model import ModelError
from inference.models.gguf_blocks import dequantise

Bits = npt.NDArray[np.uint16]
"""bfloat16."""
_EXPONENT, _MAGNITUDE = 0x7F80, 0x7FFF


def rounded(numbers: npt.NDArray[np.float32]) -> Bits:
    """Finite numbers in bfloat16, to the nearest and to even."""
    bits = numbers.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """Where it lies: `begin` and `end` are byte offsets in the file. `dtype` is the format's own name."""

    file: Path
    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    def read(self) -> bytes:
        """The bytes.

        Raises:
            ModelError: the file cannot be read, or has become shorter since its header was.
        """
        try:
            with self.file.open("rb") as file:
                file.seek(self.begin)
                data = file.read(self.end - self.begin)
        except OSError as error:
            raise ModelError(f"{self.file}: {error.strerror or error}") from error
        if len(data) < self.end - self.begin:
            raise ModelError(f"{self.file}: {self.name} was cut off while it was read")
        return data

    def float32(self) -> npt.NDArray[np.float32]:
        """The numbers. Raises ModelError, also if one is not finite."""
        data = np.frombuffer(self.read(), np.uint8)
        with np.errstate(invalid="ignore", over="ignore"):
            numbers = dequantise(data, self.dtype).reshape(self.shape)
        if not np.isfinite(numbers).all():
            raise self.not_finite()
        return numbers

    def bfloat16(self) -> Bits:
        """The numbers rounded to bfloat16, to the nearest and to even. Raises as `float32`."""
        bits = np.frombuffer(self.read(), np.uint16) if self.dtype == "BF16" else rounded(self.float32())
        if bits.size and (bits & _MAGNITUDE).max() >= _EXPONENT:
            raise self.not_finite()
        return bits.reshape(self.shape)

    def not_finite(self) -> ModelError:
        return ModelError(f"{self.file}: {self.name} holds a weight that is not finite")
