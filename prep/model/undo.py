"""Taking back what a list of changes did when one of them is refused."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

Undoing = list[Callable[[], object]]


class Undo:
    """What has to be put back, and `events`: what has happened.

    Whoever changes something inside `atomic` saves it before. What is saved is shallow: containers
    are saved by entry, or replaced instead of changed.
    """

    def __init__(self) -> None:
        self.events: list[object] = []
        self._undoing: Undoing | None = None

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """All that is changed inside stays, or nothing when an exception leaves it."""
        outer, happened = self._undoing, len(self.events)
        inner: Undoing = []
        self._undoing = inner
        try:
            yield
        except BaseException:
            for put_back in reversed(inner):
                put_back()
            del self.events[happened:]
            raise
        else:
            if outer is not None:
                outer += inner
        finally:
            self._undoing = outer

    def save(self, item: object, *names: str) -> None:
        """Attributes of an object; all of its slots if none is named."""
        if self._undoing is None:
            return
        kept = [(name, getattr(item, name)) for name in names or _slots(type(item))]

        def put_back() -> None:
            for name, value in kept:
                setattr(item, name, value)

        self._undoing.append(put_back)

    def save_entry(self, mapping: dict[K, V], key: K) -> None:
        """One entry, or that there is none."""
        if self._undoing is None:
            return
        if key in mapping:
            value = mapping[key]
            self._undoing.append(lambda: mapping.__setitem__(key, value))
        else:
            self._undoing.append(lambda: mapping.pop(key, None))


_known: dict[type[Any], tuple[str, ...]] = {}


def _slots(of: type[Any]) -> tuple[str, ...]:
    if of not in _known:
        _known[of] = tuple(name for cls in of.__mro__ for name in getattr(cls, "__slots__", ()))
    return _known[of]
