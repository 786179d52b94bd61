"""The edges of P1 elements, and the sums over the ranks of what belongs to an edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from cfd.elements import Elements
from cfd.halo import Halo
from hemoplan.arrays import FloatArray, IntArray


class SharedItems:
    """Combines values of items that several ranks hold, on all of them. Collective.

    Args:
        comm: Communicator.
        keys: (s,) different numbers, the same on every rank, of the local items that another rank may hold.
        items: (s,) their local positions.

    Attributes:
        holders: (s,) how many ranks hold each.
    """

    def __init__(self, comm: MPI.Intracomm, keys: IntArray, items: IntArray) -> None:
        self._comm = comm
        common: list[IntArray] = []
        self.holders: IntArray = np.ones(keys.size, dtype=np.int64)
        for rank, theirs in enumerate(comm.allgather(keys)):
            found: IntArray = np.zeros(0, dtype=np.int64)
            if rank != comm.rank:
                found = np.intersect1d(keys, theirs, assume_unique=True, return_indices=True)[1]
            self.holders[found] += 1
            common.append(items[found])
        self._counts = np.array([each.size for each in common])
        self._items = np.concatenate(common)

    def add(self, values: FloatArray) -> None:
        """Replace the rows (n, w) of the shared items by their sums over the ranks. In place. Collective."""
        self._combine(np.add, values)

    def raise_to_largest(self, values: FloatArray) -> None:
        """Replace the rows (n, w) of the shared items by the largest over the ranks. In place. Collective."""
        self._combine(np.maximum, values)

    def _combine(self, operation: np.ufunc, values: FloatArray) -> None:
        if self._comm.size == 1:
            return
        counts = self._counts * values.shape[1]
        sent = np.ascontiguousarray(values[self._items])
        received = np.empty_like(sent)
        kind: Any = MPI.DOUBLE
        self._comm.Alltoallv([sent, counts, kind], [received, counts, kind])
        operation.at(values, self._items, received)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """The e local edges of the P1 elements; the tail has the smaller number of all ranks' nodes.

    Attributes:
        tails, heads: (e,) local nodes.
        forth, back: (e,) position of the entries (tail, head) and (head, tail) in the local matrix values.
        share: (e,) one over the number of ranks that hold the edge.
        shared: Sums over the ranks of values (e, w).
        shared_nodes: The same of values (n, w) at the nodes.
    """

    tails: NDArray[np.uint32]
    heads: NDArray[np.uint32]
    forth: IntArray
    back: IntArray
    share: FloatArray
    shared: SharedItems
    shared_nodes: SharedItems


def build_edges(elements: Elements) -> Edges:
    """Find the edges and who else holds them. Collective."""
    comm, index_map = elements.domain.comm, elements.space.dofmap.index_map
    numbers = index_map.local_to_global(np.arange(elements.nodes, dtype=np.int32)).astype(np.int64)
    rows = np.repeat(np.arange(elements.nodes), np.diff(elements.indptr.astype(np.int64)))
    columns = elements.indices.astype(np.int64)
    forth = np.flatnonzero(numbers[rows] < numbers[columns])
    tails, heads = rows[forth], columns[forth]
    # Slots in the order of (column, row) are those of the transposed entries, for the pattern is symmetric.
    transposed = np.empty(columns.size, dtype=np.int64)
    transposed[np.lexsort((rows, columns))] = np.arange(columns.size)
    holders = np.ones(elements.nodes)
    Halo(elements, 1).sum_to_owners(holders)
    on_others = holders > 1.5
    among = np.flatnonzero(on_others[tails] & on_others[heads])
    keys = numbers[tails[among]] * int(index_map.size_global) + numbers[heads[among]]
    shared = SharedItems(comm, keys, among)
    share = np.ones(tails.size)
    share[among] = 1.0 / shared.holders
    nodes = np.flatnonzero(on_others)
    return Edges(
        tails=tails.astype(np.uint32),
        heads=heads.astype(np.uint32),
        forth=forth,
        back=transposed[forth],
        share=share,
        shared=shared,
        shared_nodes=SharedItems(comm, numbers[nodes], nodes),
    )
