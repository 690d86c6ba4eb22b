"""Secrets in text that is stored or shown: passwords, keys and tokens in URLs, commands, diffs.

Masks rather too much than too little. docs/database.md lists what is recognised.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from urllib.parse import unquote_plus

MASK = "***"

# Names of values that are secret, in URLs, environment variables, configuration files and code.
# `tokens`, `token_ids` and a bare `key` are ordinary names in machine learning.
_NAME_PATTERN = (
    # Bounded repetitions keep a line of a megabyte from taking quadratic time.
    r"(?:[\w.-]{0,40}(?:password|passwd|passphrase|pwd|secret|credential|signature"
    r"|(?:api|access|private|auth|account|encryption|signing|shared)[_-]?key)[\w.-]{0,40}"
    r"|(?:[\w.-]{0,40}[_-])?(?:token|sig)|[\w.-]{0,40}(?:auth|access|refresh|bearer|api)token)"
)
_IS_SECRET_NAME = re.compile(_NAME_PATTERN, re.IGNORECASE)

# A typed URL may lack a slash; what follows it is a password all the same.
_SCHEME = r"(?:[A-Za-z][A-Za-z0-9+.-]{0,30}://|postgres(?:ql)?(?:\+\w+)?:/?)"
_URL_IN_TEXT = re.compile(_SCHEME + r"[^\s\"'<>`]*")
_URL_IN_WORD = re.compile(_SCHEME + r".*", re.DOTALL)
_QUERY_VALUE = re.compile(r"(?P<before>[?&;](?P<name>[^=&?;]+)=)(?P<value>[^&]*)", re.DOTALL)
_USER = re.compile(rf"(?P<scheme>{_SCHEME})(?P<user>[^:/@]*):(?P<password>.*)@", re.DOTALL)
# HTTP ends the authority at the first slash, so a port and an @ in the path are no password.
_HTTP_USER = re.compile(r"(?P<scheme>https?://)(?P<user>[^/?#]*)@", re.IGNORECASE)

# Tokens that are recognisable wherever they stand.
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
# Types and empty values; what follows them may be another assignment.
_NO_SECRET = re.compile(
    r"(?:None|null|true|false|str|bytes|int|bool|\"\"|'')?\s*(?:[,;:)\]}=#|].*)?", re.I
)
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY-----")
_ENCODED_LINE = re.compile(r"[ +-]?[\"']?[A-Za-z0-9+/]{60,}={0,2}[\"',\\n]*$")


def is_secret_name(name: str) -> bool:
    """Whether a name is usually that of a secret value: `password`, `API_KEY`, `sslpassword`.

    >>> is_secret_name("sslpassword"), is_secret_name("token_ids"), is_secret_name("key")
    (True, False, False)
    """
    return _IS_SECRET_NAME.fullmatch(name) is not None


def mask_url(url: str) -> str:
    """A URL with `***` for its password and for each query value with the name of a secret.

    Raw `/`, `?`, `#` and `@` in a password are masked with it, whether or not the URL can be read.

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
    # Names are decoded as the reader of the URL decodes them: `pass%77ord` is `password`.
    if is_secret_name(unquote_plus(match["name"])):
        return match["before"] + MASK
    return match[0]


def mask_secrets(text: str) -> str:
    """A text with `***` for passwords in URLs, known kinds of tokens, and `NAME=value` of secrets.

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
    """A command line quoted for the shell, without secrets; those options' values are all masked.

    >>> mask_command(["nnlab", "ls", "--db", "postgresql://ann:a b@host/lab"])
    "nnlab ls --db 'postgresql://ann:***@host/lab'"
    >>> mask_command(["train", "--notify", "curl example.org"], secret_options=["--notify"])
    "train --notify '***'"
    """
    return shlex.join(mask_words(words, secret_options=secret_options))


def mask_words(words: Sequence[str], *, secret_options: Sequence[str] = ()) -> Iterator[str]:
    """The words of a command line, as `mask_command` joins them."""
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
            # One word is one URL, whatever it contains: a password may hold blanks and quotes.
            yield _mask_tokens(_URL_IN_WORD.sub(lambda match: mask_url(match[0]), word))
        hide_next = is_secret and not equals and not hide_next


def mask_diff(diff: str) -> str:
    r"""A diff in which the values of lines that look like secrets are `***`; all else is kept.

    Masked are assignments of literal values to names of secrets (`API_KEY=...`, `"password": ...`),
    passwords in URLs, known kinds of tokens, and private keys. `password = getpass()` is kept.

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
    """Whether an assigned value may be the secret itself, not code that looks it up."""
    value = match["value"].rstrip()
    if _NO_SECRET.fullmatch(value) or value.startswith(MASK):
        return False
    # A file of environment variables holds nothing but values.
    is_variable = match["name"].isupper() and match["between"] == "="
    return is_variable or _EXPRESSION.match(value) is None
