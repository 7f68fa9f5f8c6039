"""The rows of a write by which columns they send: one statement for each pattern."""

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


def patterns(mask: Mask, rows: list[int]) -> list[tuple[list[bool], list[int]]]:
    """These rows of the mask (rows × columns), grouped by what they send."""
    if not rows:
        return []
    chosen = np.asarray(rows)
    mask = mask[chosen]
    if (mask == mask[0]).all():  # the usual case
        return [(mask[0].tolist(), rows)]
    # A row of the mask as one text of bits: texts are sorted far quicker than rows of an array.
    bits = np.packbits(mask, axis=1)
    texts = np.ascontiguousarray(bits).view(f"S{bits.shape[1]}").ravel()
    _, first, of_row = np.unique(texts, return_index=True, return_inverse=True)
    return [(mask[row].tolist(), chosen[of_row == at].tolist()) for at, row in enumerate(first)]
