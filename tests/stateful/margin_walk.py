"""Random walks of asset-backed positions, their lenders, keepers, prices and terms."""

from tests.margin_agreement import agree, agree_on_health
from tests.stateful.margin_around import Around


class MarginWalk(Around):
    """One walk. `people` have all tokens and are traders and lenders; the last has next to none."""

    def go(self, steps: int) -> None:
        """So many actions, each compared."""
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        for step in range(steps):
            self.desk.tick(self.dice.choice((0, 1, 12, 12, 300, 3_600)))
            getattr(self, self.dice.choices(names, weights)[0])()
            agree(self.desk)
            if step % 10 == 0:
                agree_on_health(self.desk)
        agree_on_health(self.desk)


WEIGHTS = {
    "open": 16,
    "increase": 8,
    "close": 16,
    "exit": 3,
    "order": 6,
    "add": 5,
    "remove": 6,
    "record": 4,
    "liquidate": 4,
    "liquidate_part": 4,
    "press": 5,
    "mark": 2,
    "unmark": 3,
    "ripen": 2,
    "drift": 8,
    "time": 4,
    "lend": 2,
    "take_back": 3,
    "block": 3,
    "blind": 2,
    "settings": 5,
}
