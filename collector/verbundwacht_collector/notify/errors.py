"""What can go wrong with one delivery."""


class DeliveryError(Exception):
    """The channel did not take the message.

    permanent: trying again cannot help. retry_after_s: the other side asked to be left alone
    for so long. gone: the other side wants nothing any more; the channel is switched off.
    """

    def __init__(
        self, response: str, *, permanent: bool, retry_after_s: int = 0, gone: bool = False
    ) -> None:
        super().__init__(response)
        self.response = response[:400]
        self.permanent = permanent
        self.retry_after_s = retry_after_s
        self.gone = gone
