"""Patches by a plain flood fill, and distances by trying every pair of cells: what scipy's answers are compared with."""

from math import sqrt

SIDES = [(-1, 0), (1, 0), (0, -1), (0, 1)]
NEXT = {4: SIDES, 8: [*SIDES, (-1, -1), (-1, 1), (1, -1), (1, 1)]}


def fill(mask, connectivity):
    """Return the patches of a mask as sets of (row, column)."""
    todo = {(y, x) for y, row in enumerate(mask) for x, value in enumerate(row) if value}
    found = []
    while todo:
        patch, edge = set(), [todo.pop()]
        while edge:
            y, x = edge.pop()
            patch.add((y, x))
            for dy, dx in NEXT[connectivity]:
                if (y + dy, x + dx) in todo:
                    todo.remove((y + dy, x + dx))
                    edge.append((y + dy, x + dx))
        found.append(patch)
    return found


def nearest_m(y, x, cells, cell_m):
    """Return the smallest distance in metres from a cell's centre to those of others; inf without any."""
    return min((sqrt(((y - b) * cell_m[0]) ** 2 + ((x - a) * cell_m[1]) ** 2) for b, a in cells), default=float("inf"))
