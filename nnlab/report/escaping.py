"""Text of any origin in a markdown page."""


def escaped(text: str) -> str:
    r"""Text that markdown shows as it is: no markup, no HTML.

    >>> escaped("a_b <script>|x|")
    'a\\_b &lt;script&gt;\\|x\\|'
    """
    for sign in "\\`*_{}[]()#|":
        text = text.replace(sign, "\\" + sign)
    return text.replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
