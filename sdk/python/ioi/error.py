"""What can be wrong with a message."""


class LensError(ValueError):
    """One sentence with the value that was wrong. `code` is a stable name for programs."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
