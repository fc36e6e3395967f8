"""Reads HDF4 files in a process of its own, so that one on which the HDF4 library crashes or never ends takes nobody with it.

Run as a file by `pipeline.hdf4proof`. A request is a line `[path, data set]` in JSON (no data set: the metadata alone),
the answer a line with what is wrong, empty where nothing is.
"""

from __future__ import annotations

import json
import os
import resource
import sys

ROWS = 512  # read at once
LONGEST_SIDE = 100_000  # larger data sets are not read: they are refused for their size
MOST_TOLD = 200


def told(path: str, name: str) -> str:
    """Return what is wrong with the metadata of a file, or with the values of one of its data sets; empty where nothing is."""
    from pyhdf.error import HDF4Error
    from pyhdf.SD import SD, SDC

    try:
        file = SD(path, SDC.READ)
    except HDF4Error as error:
        return f"not a readable HDF4 file ({error})"
    try:
        file.attributes()
        for each, (_, shape, *_) in file.datasets().items():
            data = file.select(each)
            data.attributes()
            data.info()
            if each == name and len(shape) == 2 and 0 < min(shape) <= max(shape) <= LONGEST_SIDE:
                for row in range(0, shape[0], ROWS):
                    data.get(start=(row, 0), count=(min(ROWS, shape[0] - row), shape[1]))
            data.endaccess()
        file.end()
    except Exception as error:  # whatever a damaged file makes of pyhdf
        return f"damaged: {error}"
    return ""


def main() -> None:
    """Answer requests until there are no more; what the library itself prints is dropped."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(os.dup(1), "w", encoding="ascii") as answers:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        for line in sys.stdin:
            path, name = json.loads(line)
            print(json.dumps(told(path, name)[:MOST_TOLD]), file=answers, flush=True)


if __name__ == "__main__":
    main()
