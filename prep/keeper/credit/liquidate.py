"""Liquidates credit accounts, the highest yield first. After each transaction the next account is
looked at anew: what the keeper had may be spent."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from prep.keeper.chain import NodeError, Reverted
from prep.keeper.credit.calls import Ask
from prep.keeper.credit.decide import (
    Approve,
    Choice,
    Liquidate,
    Outcome,
    Trial,
    best,
    choice_of,
    judge,
    lacking,
    limit_of,
    ranked,
    trials,
)
from prep.keeper.credit.hands import Hands, is_late, reason_of
from prep.keeper.credit.read import Reader
from prep.keeper.credit.snapshot import Account, CreditId, CreditSnapshot
from prep.keeper.decide import Settings, Skipped
from prep.keeper.report import Round


class Liquidator:
    """Works on what was read."""

    def __init__(self, reader: Reader, hands: Hands) -> None:
        self._reader = reader
        self._hands = hands

    def work(self, snapshot: CreditSnapshot, settings: Settings, done: Round) -> None:
        """All accounts of a snapshot that can be liquidated. Raises `NodeError`."""
        choices = []
        for account in snapshot.accounts:
            if account.shortfall is None:
                _skip(done, account.id, account.unknown)
            elif account.liquidatable:
                choice = self._best_for(snapshot, account, settings, done)
                if choice is not None:
                    choices.append(choice)
        now, moved, attempts = snapshot, False, 0
        for choice in ranked(choices):
            account = choice.trial.account
            if attempts >= settings.max_actions:
                _skip(done, account.id, f"more than {settings.max_actions} in one round")
                continue
            if hindered := self._hands.hindered():
                _skip(done, account.id, hindered)
                continue
            current: Choice | None = choice
            if moved:
                now, current = self._look_again(now, account, settings, done)
            if current is not None and self._liquidate(now, current, settings, done):
                moved = True
            attempts += 1

    def _look_again(
        self, snapshot: CreditSnapshot, account: Account, settings: Settings, done: Round
    ) -> tuple[CreditSnapshot, Choice | None]:
        """One account as it is now, and what is best for it."""
        now = self._reader.again(snapshot, account.number, settings)
        found = next((a for a in now.accounts if a.liquidatable), None)
        if found is None:
            _skip(done, account.id, "already done or healthy")
            return now, None
        return now, self._best_for(now, found, settings, done)

    def _best_for(
        self, snapshot: CreditSnapshot, account: Account, settings: Settings, done: Round
    ) -> Choice | None:
        """Tries out what might pay. None: nothing does anything; the round says so."""
        wanted = list(trials(snapshot, account, settings))
        found, refusals = self._try_out(snapshot, wanted, settings)
        choice = best(found)
        if choice is None:
            reason = "; ".join(dict.fromkeys(refusals)) or "nothing to be done without paying"
            if refusals and all(is_late(refusal) for refusal in refusals):
                reason = f"already done or healthy: {reason}"
            _skip(done, account.id, reason + lacking(snapshot, account, settings))
        return choice

    def _try_out(
        self, snapshot: CreditSnapshot, wanted: Sequence[Trial], settings: Settings
    ) -> tuple[list[Choice], list[str]]:
        """What each would do at the block of the snapshot, and why others would not go through."""
        calls = self._reader.calls(settings, snapshot.block)
        plain = [trial for trial in wanted if not trial.approve]
        answers = calls.answers([self._ask(trial) for trial in plain])
        tried: list[tuple[Trial, Any, int]] = [
            (trial, answer, 0) for trial, answer in zip(plain, answers, strict=True)
        ]
        refusals: list[str] = []
        to_approve = [trial for trial in wanted if trial.approve]
        try:
            rows = calls.rows([self._with_approval(snapshot, trial) for trial in to_approve])
        except NodeError as error:
            refusals.append(f"approving cannot be tried out: {error}")
        else:
            for trial, ((approved, answer), gas) in zip(to_approve, rows, strict=True):
                refused = isinstance(approved, Reverted)
                tried.append((trial, approved if refused else answer, gas))
        choices = []
        for trial, answer, gas in tried:
            if isinstance(answer, Reverted):
                refusals.append(str(answer))
            else:
                choices.append(_choice(snapshot, trial, Outcome(*answer[0]), gas))
        return choices, refusals

    def _ask(self, trial: Trial) -> Ask:
        return Ask(self._reader.manager, "liquidate", trial.arguments)

    def _approval(self, snapshot: CreditSnapshot, trial: Trial, amount: int) -> Ask:
        token = self._reader.token(snapshot.assets[trial.debt])
        return Ask(token, "approve", (snapshot.manager, amount))

    def _with_approval(self, snapshot: CreditSnapshot, trial: Trial) -> list[Ask]:
        return [self._approval(snapshot, trial, trial.max_repay), self._ask(trial)]

    def _liquidate(
        self, snapshot: CreditSnapshot, choice: Choice, settings: Settings, done: Round
    ) -> bool:
        """Whether something was sent."""
        ask = self._ask(choice.trial)
        gas: int | Reverted = choice.gas
        if not choice.trial.approve:
            (gas,) = self._reader.calls(settings, snapshot.block).gas([ask])
        identity = choice.trial.account.id
        if isinstance(gas, Reverted):
            _skip(done, identity, reason_of(gas))
            return False
        action = judge(snapshot, choice, gas, settings)
        if isinstance(action, Skipped):
            done.credit.skipped.append(action)
            return False
        if choice.trial.approve and self._hands.execute:
            return self._approve(snapshot, action, settings, done)
        return self._hands.send(action, ask, action.gas_limit, snapshot, settings, done)

    def _approve(
        self, snapshot: CreditSnapshot, action: Liquidate, settings: Settings, done: Round
    ) -> bool:
        """Approves what a liquidation takes, and goes on with that as things are then."""
        trial, amount = action.choice.trial, action.choice.outcome.repaid
        ask = self._approval(snapshot, trial, amount)
        (gas,) = self._reader.calls(settings, snapshot.block).gas([ask])
        if isinstance(gas, Reverted):
            _skip(done, action.id, reason_of(gas))
            return False
        approval = Approve(action.id, snapshot.assets[trial.debt], amount, action.max_gas_price)
        if not self._hands.send(approval, ask, limit_of(gas), snapshot, settings, done):
            return False
        if hindered := self._hands.hindered():
            _skip(done, action.id, hindered)
            return True
        # With what was approved, though it may take a little more by now.
        settings = replace(settings, approve=False)
        now, choice = self._look_again(snapshot, trial.account, settings, done)
        if choice is not None:
            self._liquidate(now, choice, settings, done)
        return True


def _choice(snapshot: CreditSnapshot, trial: Trial, outcome: Outcome, gas: int) -> Choice:
    """Without an approval where the allowance is enough after all."""
    allowance = snapshot.assets[trial.debt].allowance
    if trial.approve and outcome.repaid <= allowance:
        return choice_of(snapshot, replace(trial, approve=False, max_repay=allowance), outcome)
    return choice_of(snapshot, trial, outcome, gas)


def _skip(done: Round, identity: CreditId, reason: str) -> None:
    done.credit.skipped.append(Skipped(identity, reason))
