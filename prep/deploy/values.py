"""Values of a parameters file. YAML is read with every scalar as text, so nothing passes through a
binary fraction and an address without quotes stays an address."""

import re
from decimal import Context, Decimal, Inexact, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from eth_utils.address import is_checksum_address, is_hex_address, to_checksum_address
from pydantic import BeforeValidator

from prep.errors import UserError
from prep.model.fixed import UNLIMITED

PREP_DECIMALS: Final = 18
"""Of PREP, and of everything that is WAD."""
WEIGHT_DECIMALS: Final = 4
"""Of weights, which are basis points."""
DEPLOYER: Final = "deployer"
MOCK: Final = "mock"
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


def scaled(value: Decimal, decimals: int) -> int:
    """`value * 10**decimals`, exactly."""
    given = -int(value.as_tuple().exponent)
    if given > decimals:
        raise ValueError(f"{value:f} has {given} decimals, more than {decimals}")
    return int(_EXACT.scaleb(value, decimals))


def unscaled(value: int, decimals: int) -> str:
    """`value / 10**decimals` exactly, as a parameters file has it."""
    return f"{_EXACT.scaleb(Decimal(value), -decimals).normalize(_EXACT):f}"


def decimal(value: Any) -> Decimal:
    """What people write: digits, and digits after a point. No sign and no exponent."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,60}(\.\d{1,60})?", value):
        raise ValueError(f"{value!r} is not a decimal number such as 0.15")
    return Decimal(value)


def _wad(value: Any) -> int:
    return scaled(decimal(value), PREP_DECIMALS)


def _cap(value: Any) -> int:
    return UNLIMITED if value == "unlimited" else _wad(value)


def _weight(value: Any) -> int:
    return scaled(decimal(value), WEIGHT_DECIMALS)


def _limit(value: Any) -> Decimal | None:
    return None if value == "unlimited" else decimal(value)


def _token(value: Any) -> str:
    return MOCK if value == MOCK else _address(value)


def _integer(value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,78}", value):
        raise ValueError(f"{value!r} is not a whole number")
    return int(value)


def _boolean(value: Any) -> bool:
    if value not in ("true", "false"):
        raise ValueError(f"{value!r} is neither true nor false")
    return bool(value == "true")


def _address(value: Any) -> str:
    if not isinstance(value, str) or not is_hex_address(value) or not value.startswith("0x"):
        raise ValueError(f"{value!r} is not an address")
    if value != value.lower() and not is_checksum_address(value):
        raise ValueError(f"{value} has a wrong checksum: a character was changed")
    if int(value, 16) == 0:
        raise ValueError("the zero address can do nothing")
    return to_checksum_address(value)


def _holder(value: Any) -> str:
    return DEPLOYER if value == DEPLOYER else _address(value)


Number = Annotated[Decimal, BeforeValidator(decimal)]
"""Not negative; its unit depends on other fields."""
Wad = Annotated[int, BeforeValidator(_wad)]
"""Rates and PREP amounts, scaled by 10**18."""
Cap = Annotated[int, BeforeValidator(_cap)]
"""As `Wad`; "unlimited" is `UNLIMITED`."""
Limit = Annotated[Decimal | None, BeforeValidator(_limit)]
"""As `Number`; "unlimited" is None."""
Weight = Annotated[int, BeforeValidator(_weight)]
"""A fraction, in basis points."""
Integer = Annotated[int, BeforeValidator(_integer)]
Boolean = Annotated[bool, BeforeValidator(_boolean)]
Address = Annotated[str, BeforeValidator(_address)]
Token = Annotated[str, BeforeValidator(_token)]
"""An address, or "mock": a token that anyone can mint is deployed along."""
Holder = Annotated[str, BeforeValidator(_holder)]
"""An address, or "deployer": the account that deploys."""


class _TextLoader(yaml.BaseLoader):
    """Refuses a key that is given twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                mark = node.value[index][0].start_mark
                raise yaml.MarkedYAMLError(problem=f"{key} is given twice", problem_mark=mark)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The file's content, every scalar as text."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"there is no parameters file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    try:
        return yaml.load(text, Loader=_TextLoader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UserError(f"{path}: {line}{error.problem}") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {error}") from error
