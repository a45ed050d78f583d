"""What there is of a model's packed weights, for `midfill doctor`.

    python -m inference.models.packed_report PATH PRECISION

reads the file whole and says where it is, or what is wrong with it with exit code 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

from inference.model import ModelError
from inference.models.description import describe
from inference.models.load import packed_format
from inference.models.native_model import why_not_native
from inference.models.native_weights import packed_origin
from inference.models.packed_file import PackedFileError, open_packed
from kernels.cpu import available, native
from kernels.cpu.interface import Format


def main(path: Path, precision: Format) -> int:
    """Prints one line."""
    try:
        config = describe(path).config
        if not available() or why_not_native(config):
            print("not packed: torch computes with them as they are")
            return 0
        origin = packed_origin(path, config.context_length, native(), precision)
        key = origin.key()
    except (ModelError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for place in origin.places:
        try:
            packed = open_packed(place)
            packed.verify()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (PackedFileError, OSError) as error:
            print(f"{place}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
            return 1
        if packed.key == key:
            print(f"{precision}, packed, {packed.data_bytes / 1e6:.0f} MB, all of it sound, in {place}")
            return 0
    print(f"{precision}, to be packed by the next worker")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), packed_format(sys.argv[2])))
