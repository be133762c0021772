"""What a refused action raises."""


class Rejected(Exception):  # noqa: N818 - a refusal is an expected outcome, not an error of the model
    """The action was refused and changed nothing.

    ``name`` and ``args`` are those of the contracts' custom error, ``bytes32`` names as strings.
    """

    name: str

    def __init__(self, name: str, *args: object) -> None:
        super().__init__(*args)
        self.name = name

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rejected):
            return NotImplemented
        return self.name == other.name and self.args == other.args

    def __hash__(self) -> int:
        return hash((self.name, self.args))

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.args))})"

    def __repr__(self) -> str:
        return f"Rejected{(self.name, *self.args)!r}"

    def __reduce__(self) -> tuple[type["Rejected"], tuple[object, ...]]:
        return (Rejected, (self.name, *self.args))
