"""What the pools' events say, as the index takes it in."""

from dataclasses import dataclass, field

from prep.margin.data import Position

Key = tuple[str, int]
"""A pool's address with its checksum, and an id in it."""


@dataclass(frozen=True, slots=True)
class Block:
    """One of the chain's."""

    number: int
    hash: str
    """With 0x, in lower case, as the next one."""
    parent: str = field(default="", compare=False)
    """The hash of the one before; empty where nobody asks for it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """When anyone may liquidate a position, seconds."""

    start: int
    until: int


@dataclass(frozen=True, slots=True)
class Changed:
    """A position is another than before."""

    pool: str
    block: int
    position: Position
    """As it is left; closed, it has no collateral."""

    @property
    def key(self) -> Key:
        """Which position."""
        return self.pool, self.position.id


@dataclass(frozen=True, slots=True)
class Marked:
    """A position has another mark than before."""

    pool: str
    block: int
    id: int
    mark: Mark | None
    """None: it was cleared."""

    @property
    def key(self) -> Key:
        """Which position."""
        return self.pool, self.id


Event = Changed | Marked


@dataclass(frozen=True, slots=True)
class Indexed:
    """A position, as events tell it."""

    pool: str
    """Address with its checksum."""
    position: Position
    mark: Mark | None = None
    """Good or not: it stays until it is cleared or replaced."""

    @property
    def key(self) -> Key:
        """Which one it is."""
        return self.pool, self.position.id

    @property
    def is_open(self) -> bool:
        """Closed as a whole it has no collateral."""
        return self.position.collateral != 0
