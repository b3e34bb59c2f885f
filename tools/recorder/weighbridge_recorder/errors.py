"""The one error of these tools that is meant for people rather than for a traceback."""


class ToolError(Exception):
    """Says in one line what is wrong and what to do; executables print it and stop."""
