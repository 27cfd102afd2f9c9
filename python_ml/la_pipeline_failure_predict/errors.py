"""The one exception that reaches the user as a sentence."""


class UserError(Exception):
    """Wrong use or configuration: one sentence that says what is wrong and how to mend it.

    The command line prints it and ends with exit code 2.
    """
