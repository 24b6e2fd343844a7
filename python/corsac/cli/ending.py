"""How a command ends: one table of exit codes for all of them, and the error without a verdict."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["COULD_NOT_RUN", "EPILOG", "EXIT_CODES", "FINE", "INTERRUPTED", "OUTPUT_CLOSED"]
__all__ += ["PROBLEMS", "USAGE", "CommandError"]

FINE = 0  # Nothing is wrong, or the request is allowed.
PROBLEMS = 1  # Something is wrong, or the request is blocked.
USAGE = 2  # A mistake on the command line, as is the convention.
COULD_NOT_RUN = 3  # No verdict: no file, no import, no answer, or no extra.
INTERRUPTED = 130  # Ctrl-C came before the work was done, as shells have it.
OUTPUT_CLOSED = 141  # Nobody reads the output any more: SIGPIPE's code, as shells have it.

EXIT_CODES = {
    "allowed": FINE,
    "not-sent": FINE,  # The preflight is passed, and the request held back.
    "blocked": PROBLEMS,
    "refused": PROBLEMS,  # Sent, and refused by the server's guard.
    "undecided": COULD_NOT_RUN,  # Held back without a preflight, or a path that is left alone.
    "unreachable": COULD_NOT_RUN,
}
"""By the verdict on a request."""

EPILOG = (
    "Exit code of every command: 0 fine or allowed; 1 problems found, or blocked; 2 a mistake on "
    "the command line; 3 no verdict, since something could not be read, reached or run; 130 Ctrl-C."
)


class CommandError(Exception):
    """Why a command ends without a verdict.

    ``lines`` stand before the message on standard error; ``problems`` are for JSON.
    """

    def __init__(
        self,
        message: str,
        exit_code: int = COULD_NOT_RUN,
        *,
        lines: Sequence[str] = (),
        problems: Sequence[dict[str, object]] = (),
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.lines = tuple(lines)
        self.problems = tuple(problems)
