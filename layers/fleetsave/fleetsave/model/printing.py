"""Text that servers, stores and people gave, made fit to be shown."""


def printable(text: str) -> str:
    """Return text with everything that is not printable shown as its escape: line ends, controls, marks that turn text round."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
