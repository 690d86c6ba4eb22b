"""Small pieces of text that messages, tables and notes have in common."""


def format_count(count: int, noun: str) -> str:
    """A count with its noun, in the plural unless the count is 1.

    >>> format_count(1, "run"), format_count(2000, "run")
    ('1 run', '2,000 runs')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
