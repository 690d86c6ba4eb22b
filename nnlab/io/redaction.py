"""Masking of secrets in text that is stored or shown: in URLs, commands, messages and diffs.

In doubt, text is masked. docs/database.md lists which secrets are recognised.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_plus

MASK = "***"

# The names of secret values in URLs, environment variables, configuration files and code.
# `tokens`, `token_ids` and a bare `key` are not included: they are usual names in machine learning.
_NAME_PATTERN = (
    # Bounded repetitions avoid quadratic time for a line of a megabyte.
    r"(?:[\w.-]{0,40}(?:password|passwd|passphrase|pwd|secret|credential|signature"
    r"|(?:api|access|private|auth|account|encryption|signing|shared)[_-]?key)[\w.-]{0,40}"
    r"|(?:[\w.-]{0,40}[_-])?(?:token|sig)|[\w.-]{0,40}(?:auth|access|refresh|bearer|api)token)"
)
_IS_SECRET_NAME = re.compile(_NAME_PATTERN, re.IGNORECASE)

# A typed URL may lack a slash; the text after it is treated as a password too.
_SCHEME = r"(?:[A-Za-z][A-Za-z0-9+.-]{0,30}://|postgres(?:ql)?(?:\+\w+)?:/?)"
_URL_IN_TEXT = re.compile(_SCHEME + r"[^\s\"'<>`]*")
_URL_IN_WORD = re.compile(_SCHEME + r".*", re.DOTALL)
_QUERY_VALUE = re.compile(r"(?P<before>[?&;](?P<name>[^=&?;]+)=)(?P<value>[^&]*)", re.DOTALL)
_USER = re.compile(rf"(?P<scheme>{_SCHEME})(?P<user>[^:/@]*):(?P<password>.*)@", re.DOTALL)
# The authority of an HTTP URL ends at the first slash, so an @ in the path marks no password.
_HTTP_USER = re.compile(r"(?P<scheme>https?://)(?P<user>[^/?#]*)@", re.IGNORECASE)

# Tokens that are recognisable in any context.
_TOKENS = re.compile(
    r"\b(?:gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|hf_\w{16,}|sk-[\w-]{16,}"
    r"|xox[abeprs]-[\w-]{8,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{30,}|npm_\w{20,}|pypi-[\w-]{20,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
)
_WEBHOOK = re.compile(
    r"(https://(?:hooks\.slack\.com|discord(?:app)?\.com/api/webhooks|[\w.-]*webhook[\w.-]*)/)[^\s\"']+"
)
_AUTHORIZATION = re.compile(
    r"(\b(?:authorization\b[\"']?\s*[:=]\s*[\"']?(?:\w+\s+)?|(?:bearer|basic)\s+))[^\s\"',]{6,}",
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(
    rf"(?P<name>(?<![\w]){_NAME_PATTERN})(?P<between>[\"']?\s*(?::=|[:=])\s*)(?P<value>\S.*)",
    re.IGNORECASE,
)
_EXPRESSION = re.compile(r"[A-Za-z_][\w.]*\s*[\[(]")
# Types and empty values, which may be followed by another assignment.
_NO_SECRET = re.compile(
    r"(?:None|null|true|false|str|bytes|int|bool|\"\"|'')?\s*(?:[,;:)\]}=#|].*)?", re.I
)
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY-----")
_ENCODED_LINE = re.compile(r"[ +-]?[\"']?[A-Za-z0-9+/]{60,}={0,2}[\"',\\n]*$")


def is_secret_name(name: str) -> bool:
    """Whether a name usually belongs to a secret value: `password`, `API_KEY`, `sslpassword`.

    >>> is_secret_name("sslpassword"), is_secret_name("token_ids"), is_secret_name("key")
    (True, False, False)
    """
    return _IS_SECRET_NAME.fullmatch(name) is not None


def mask_url(url: str) -> str:
    """A URL with `***` in place of its password and of query values with the name of a secret.

    Unescaped `/`, `?`, `#` and `@` in a password are masked too, even if the URL is invalid.

    >>> mask_url("postgresql://ann:se/cr@et@host/lab?sslpassword=x&sslmode=require")
    'postgresql://ann:***@host/lab?sslpassword=***&sslmode=require'
    """
    url = _QUERY_VALUE.sub(_masked_query_value, url)
    if _HTTP_USER.match(url):
        return _HTTP_USER.sub(rf"\g<scheme>{MASK}@", url)
    if url.lower().startswith(("http://", "https://")):
        return url
    return _USER.sub(rf"\g<scheme>\g<user>:{MASK}@", url)


def _masked_query_value(match: re.Match[str]) -> str:
    # Names are decoded as a reader of the URL decodes them: `pass%77ord` is `password`.
    if is_secret_name(unquote_plus(match["name"])):
        return match["before"] + MASK
    return match[0]


def mask_secrets(text: str) -> str:
    """A text in which passwords in URLs, known tokens and `NAME=value` of secrets are `***`.

    >>> mask_secrets("cannot open postgresql://ann:hunter2@host/lab: HF_TOKEN=abc is refused")
    'cannot open postgresql://ann:***@host/lab: HF_TOKEN=*** is refused'
    """
    return "".join(map(_mask_line, text.splitlines(keepends=True)))


def _mask_line(line: str) -> str:
    line = _mask_tokens(_URL_IN_TEXT.sub(lambda match: mask_url(match[0]), line))
    return _WORD_ASSIGNMENT.sub(rf"\g<before>{MASK}", line)


_WORD_ASSIGNMENT = re.compile(
    rf"(?P<before>(?<![\w?&]){_NAME_PATTERN}[\"']?\s*=\s*)"
    r"(?:\"[^\"]*\"|'[^']*'|[^\s\"',;)]+)",
    re.IGNORECASE,
)


def _mask_tokens(text: str) -> str:
    text = _AUTHORIZATION.sub(rf"\g<1>{MASK}", text)
    return _TOKENS.sub(MASK, _WEBHOOK.sub(rf"\g<1>{MASK}", text))


def mask_command(words: Sequence[str], *, secret_options: Sequence[str] = ()) -> str:
    """A command line quoted for the shell, with secrets and the values of `secret_options` masked.

    >>> mask_command(["nnlab", "ls", "--db", "postgresql://ann:a b@host/lab"])
    "nnlab ls --db 'postgresql://ann:***@host/lab'"
    >>> mask_command(["train", "--notify", "curl example.org"], secret_options=["--notify"])
    "train --notify '***'"
    """
    return shlex.join(mask_words(words, secret_options=secret_options))


def mask_words(words: Sequence[str], *, secret_options: Sequence[str] = ()) -> Iterator[str]:
    """The masked words of a command line, before `mask_command` joins them."""
    hide_next = False
    for word in words:
        name, equals, value = word.partition("=")
        is_secret = name in secret_options or (
            name.startswith("-") and is_secret_name(name.lstrip("-"))
        )
        if hide_next:
            yield MASK
        elif equals and (is_secret or is_secret_name(name)) and value:
            yield f"{name}={MASK}"
        else:
            # The whole word is one URL, because a password may contain blanks and quotes.
            yield _mask_tokens(_URL_IN_WORD.sub(lambda match: mask_url(match[0]), word))
        hide_next = is_secret and not equals and not hide_next


def mask_diff(diff: str) -> str:
    r"""A diff in which values that look like secrets are `***`.

    Literal values assigned to names of secrets (`API_KEY=...`, `"password": ...`), passwords in
    URLs, known tokens and private keys are masked. `password = getpass()` is kept.

    >>> print(mask_diff('+API_KEY=abc123\n+password = getpass()\n+lr = 0.1'))
    +API_KEY=***
    +password = getpass()
    +lr = 0.1
    """
    masked, in_key = [], False
    for line in diff.split("\n"):
        if _KEY_ENDS.search(line):
            in_key = False
            masked.append(line)
        elif in_key or _ENCODED_LINE.match(line):
            masked.append(line[:1] + MASK)
        else:
            in_key = _KEY_BEGINS.search(line) is not None
            masked.append(_mask_diff_line(line))
    return "\n".join(masked)


def _mask_diff_line(line: str) -> str:
    line = _mask_tokens(_URL_IN_TEXT.sub(lambda match: mask_url(match[0]), line))
    match = _ASSIGNMENT.search(line)
    while match is not None:
        if _is_literal(match):
            return line[: match.start("value")] + MASK
        match = _ASSIGNMENT.search(line, match.start("value"))
    return line


def _is_literal(match: re.Match[str]) -> bool:
    """Whether an assigned value may be the secret itself, instead of code that reads it."""
    value = match["value"].rstrip()
    if _NO_SECRET.fullmatch(value) or value.startswith(MASK):
        return False
    # NAME=value is a line of a file with environment variables, which contains only literals.
    is_variable = match["name"].isupper() and match["between"] == "="
    return is_variable or _EXPRESSION.match(value) is None
