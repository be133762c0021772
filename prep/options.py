"""What several commands take as options."""

from math import isnan
from typing import Any, Final

import click

from prep.deploy.values import decimal, scaled
from prep.model.fixed import UNLIMITED

WHOLE: Final = 18
"""Decimals of PREP, of rates and of ratios."""


class Amount(click.ParamType):
    """A decimal number of whole units, scaled to an integer without rounding."""

    name = "amount"

    def __init__(self, decimals: int) -> None:
        self.decimals = decimals

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Base units."""
        if isinstance(value, int):
            return value
        try:
            amount = scaled(decimal(value), self.decimals)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if amount > UNLIMITED:
            self.fail(f"{value} is more than any contract can hold", param, ctx)
        return amount


class Real(click.FloatRange):
    """A number of a range."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Every comparison with NaN is false, so the range alone would let it pass."""
        number: float = super().convert(value, param, ctx)
        if isnan(number):
            self.fail(f"{value} is not a number", param, ctx)
        return number
