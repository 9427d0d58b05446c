"""The one exception that is shown to a user as a single line."""


class UsageError(Exception):
    """Something the user wrote cannot be done; the message says where, what, and what to do instead."""
