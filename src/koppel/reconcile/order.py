"""In which order mappings run: dependency waves, in file order within a wave."""

from collections.abc import Mapping, Sequence


def waves(names: Sequence[str], depends_on: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Group `names` so that each comes after everything it depends on; names outside the list do not hold anything up.

    Raises ValueError with the names that wait for each other; configuration refuses such a cycle beforehand.
    """
    left, done, result = list(names), set[str](), list[list[str]]()
    while left:
        wave = [
            name for name in left if all(d in done or d == name or d not in names for d in depends_on.get(name, ()))
        ]
        if not wave:
            raise ValueError(f"these mappings wait for each other: {', '.join(left)}")
        result.append(wave)
        done.update(wave)
        left = [name for name in left if name not in done]
    return result
