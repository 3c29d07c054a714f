"""What can go wrong with one delivery."""


class DeliveryError(Exception):
    """The channel did not take the message. permanent: trying again cannot help."""

    def __init__(self, response: str, *, permanent: bool) -> None:
        super().__init__(response)
        self.response = response[:400]
        self.permanent = permanent
