"""The one error that a user is meant to read."""


class TestbedError(Exception):
    """Something the user can act on: what failed, why, and the way out."""
