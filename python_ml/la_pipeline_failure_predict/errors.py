"""The one exception that reaches the user as a sentence."""


class UserError(Exception):
    """Wrong use or configuration: one sentence that says what is wrong and how to fix it.

    The command line prints it and ends with exit code 2.
    """

    def _render_traceback_(self) -> list[str]:
        # IPython calls this, so that a notebook shows the sentence, as the command line does.
        return [f"Error: {self}"]


def first_line(error: object, width: int = 160) -> str:
    """Return the first line of an error's message, or its type if it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0][:width]
