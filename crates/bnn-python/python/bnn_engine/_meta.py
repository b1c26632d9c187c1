"""Text in the meta section of a model file: lines of `key=value`, whose values are escaped."""

from __future__ import annotations

import re

_ESCAPE = re.compile(r"""\\(?:u\{([0-9a-fA-F]{1,6})\}|([\\'"nrt0]))""")
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "0": "\0"}


def escape(text: str) -> str:
    """Text as a value: a backslash and what cannot be printed become escapes of a Rust string."""
    return "".join(c if c.isprintable() and c != "\\" else f"\\u{{{ord(c):x}}}" for c in text)


def unescape(value: str) -> str:
    """Reverses `escape`. Any other backslash stands for itself."""

    def letter(match: re.Match[str]) -> str:
        code, short = match.groups()
        if code is None:
            return _LETTERS.get(short, short)
        number = int(code, 16)
        is_text = number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF
        return chr(number) if is_text else match.group()

    return _ESCAPE.sub(letter, value)
