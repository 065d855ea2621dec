"""The exceptions of the package; a wrong argument is a ValueError or a TypeError."""


class UnreadableImage(Exception):
    """An input is not a picture, or a damaged one; the message begins with its source."""


class ImageTooLarge(UnreadableImage):
    """A picture has more pixels than the limit allows."""


class QualityNotReached(Exception):
    """An explicitly asked quality or size cannot be met."""
