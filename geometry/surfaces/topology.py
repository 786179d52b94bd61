"""How triangles hang together: edges, bodies, fans around vertices, winding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hemoplan.arrays import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """The edges of triangles. Half-edge h is the side of triangle h // 3 from its corner h % 3 to the next.

    Attributes:
        start: (3 m,) first vertex of each half-edge.
        end: (3 m,) second vertex.
        edge: (3 m,) number of the edge that it lies on.
        vertices: (k, 2) vertices of each edge, the lower number first.
        uses: (k,) half-edges on each edge.
        balance: (k,) half-edges that run from the lower number to the higher, less those that run back.
    """

    start: IntArray
    end: IntArray
    edge: IntArray
    vertices: IntArray
    uses: IntArray
    balance: IntArray

    @property
    def open(self) -> NDArray[np.bool_]:
        """(k,) edges with one triangle."""
        return np.asarray(self.uses == 1)

    @property
    def crowded(self) -> NDArray[np.bool_]:
        """(k,) edges with more than two triangles."""
        return np.asarray(self.uses > 2)

    @property
    def twisted(self) -> NDArray[np.bool_]:
        """(k,) edges whose two triangles are wound against each other."""
        return np.asarray((self.uses == 2) & (self.balance != 0))


def find_edges(triangles: IntArray) -> Edges:
    """The edges of (m, 3) triangles."""
    start, end = triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()
    low, high = np.minimum(start, end), np.maximum(start, end)
    base = int(high.max(initial=0)) + 1
    keys, edge, uses = np.unique(low * base + high, return_inverse=True, return_counts=True)
    balance = np.bincount(edge, weights=np.where(start < end, 1.0, -1.0), minlength=len(keys))
    return Edges(
        start=start,
        end=end,
        edge=edge,
        vertices=np.column_stack([keys // base, keys % base]),
        uses=uses,
        balance=balance.astype(np.int64),
    )


def paired(edges: Edges, chosen: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
    """Half-edges that follow each other on the same edge, for the chosen edges: (p,) the one and (p,) the other."""
    order = np.argsort(edges.edge, kind="stable")
    together = (edges.edge[order[:-1]] == edges.edge[order[1:]]) & chosen[edges.edge[order[:-1]]]
    return order[:-1][together], order[1:][together]


def label_bodies(edges: Edges, *, across: NDArray[np.bool_] | None = None) -> tuple[int, IntArray]:
    """Number of bodies, and (m,) the body of each triangle; triangles hang together through edges.

    Args:
        edges: Of the triangles.
        across: (k,) the edges that count; all by default.
    """
    chosen = np.ones(len(edges.uses), dtype=np.bool_) if across is None else across
    one, other = paired(edges, chosen)
    count = len(edges.start) // 3
    links = coo_array((np.ones(len(one)), (one // 3, other // 3)), shape=(count, count))
    bodies, label = connected_components(links, directed=False)
    return int(bodies), label.astype(np.int64)


def label_fans(edges: Edges) -> tuple[IntArray, IntArray]:
    """(3 m,) the fan of each corner of each triangle, and (f,) the vertex of each fan.

    The triangles around a vertex of a sound surface form one fan. Where they form more, the surface touches itself
    there.
    """
    one, other = paired(edges, np.ones(len(edges.uses), dtype=np.bool_))
    count = len(edges.start)
    after_one, after_other = 3 * (one // 3) + (one + 1) % 3, 3 * (other // 3) + (other + 1) % 3
    same = edges.start[one] == edges.start[other]
    first = np.concatenate([one, after_one])
    second = np.concatenate([np.where(same, other, after_other), np.where(same, after_other, other)])
    links = coo_array((np.ones(len(first)), (first, second)), shape=(count, count))
    fans, label = connected_components(links, directed=False)
    vertex = np.empty(fans, dtype=np.int64)
    vertex[label] = edges.start
    return label.astype(np.int64), vertex


def split_vertices(edges: Edges) -> NDArray[np.bool_]:
    """(n,) vertices at which two or more fans touch."""
    _, vertex = label_fans(edges)
    return np.asarray(np.bincount(vertex, minlength=int(edges.start.max(initial=-1)) + 1) > 1)


def unify_winding(edges: Edges) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(m,) triangles to turn so that neighbours agree, and (m,) those for which there is no way (a Möbius strip).

    Each triangle stands for two nodes, as it is and turned; neighbours that agree join equal nodes, others opposite
    ones. A body splits into two mirrored parts; the one that turns fewer triangles is taken.
    """
    one, other = paired(edges, edges.uses == 2)
    agree = edges.start[one] != edges.start[other]
    count = len(edges.start) // 3
    left, right = one // 3, other // 3
    first = np.concatenate([left, left + count])
    second = np.concatenate([np.where(agree, right, right + count), np.where(agree, right + count, right)])
    links = coo_array((np.ones(len(first)), (first, second)), shape=(2 * count, 2 * count))
    _, label = connected_components(links, directed=False)
    kept, turned = label[:count], label[count:]
    size = np.bincount(label, minlength=int(label.max(initial=-1)) + 1)
    as_is = np.bincount(kept, minlength=len(size)) / np.maximum(size, 1)
    flip = (as_is[kept] < as_is[turned]) | ((as_is[kept] == as_is[turned]) & (kept > turned))
    return np.asarray(flip), np.asarray(kept == turned)


def euler_characteristic(edges: Edges, vertices: int) -> int:
    """Vertices - edges + triangles: 2 for a closed body without handles, 2 less for each handle."""
    return vertices - len(edges.uses) + len(edges.start) // 3
