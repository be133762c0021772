"""What a command says when its user, or the world, got something wrong."""

import click


class UserError(click.ClickException):
    """A mistake that its reader can mend: one line on stderr, exit code 1, no traceback."""

    def format_message(self) -> str:
        """On one line, whatever the message had."""
        return " ".join(self.message.split())
