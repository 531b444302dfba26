"""What YAML cuts off a plain text in silence, and when that deserves a notice.

To YAML ` #` begins a comment and NEL, LS and PS end a line, so `title: Update #2` says "Update". That is YAML, and the
document is accepted as it reads. But text that a person wrote is gone, so they are told. A remark that is meant as one
(`heat: 5 # rated`, `category: blog # or "guide"`, `name: Gazette    # the paper`) is no reason for a notice:

| value | `#word` after it | one blank and `# words` | more blanks and `# words` |
|---|---|---|---|
| prose: a title, an excerpt, a name, a topic | told | told | a remark |
| a number, boolean or date in prose | told | a remark | a remark |
| no value: an excerpt | told | told | told |
| no value: any other text | told | a remark | a remark |
| a URL, a category | told | a remark | a remark |
| a code, number, boolean or date; a field that no model knows | a remark | a remark | a remark |

Tried on front matter of public repositories: most who write `#word` or one blank and a `#` in prose mean text, and who
comments on fields sets the `#` apart, or does so on codes, flags and dates.
"""

import re
from typing import NamedTuple

from flows.reading.problems import Path

CUTTING = re.compile("[ \t]#|[\u0085\u2028\u2029]")
_CUT = re.compile("[ \t]*(?:(?<=[ \t])(#)|[\u0085\u2028\u2029]+(?=[^\r\n\u0085\u2028\u2029]*[^\\s]))")
_PROSE = frozenset(("title", "excerpt", "name", "topics", "authors", "attribution"))
_LABELS = frozenset(("category", "featuredContent", "url", "webUrl", "originalUrl", "ampWebUrl", "cdnAmpWebUrl"))
_NO_PROSE = re.compile(r"[-+]?[0-9][-+0-9.,:TZ ]*|true|false", re.IGNORECASE)


class Cut(NamedTuple):
    """What was cut off a plain value: the value's path, where the rest begins, and what is left of it."""

    path: Path
    at: int
    value: str


def cut_after(text: str, end: int) -> int | None:
    """Return where the comment or hidden line break begins that follows a scalar at its end; None for neither."""
    match = _CUT.match(text, end)
    if match is None:
        return None
    return match.end() - 1 if match[1] else match.end()


def deserves_notice(text: str, cut: Cut) -> bool:
    """Tell whether a cut may have cost a text, by the table above."""
    name = next((step for step in reversed(cut.path) if isinstance(step, str)), "")
    if name not in _PROSE and name not in _LABELS:
        return False
    is_hashtag = text[cut.at] != "#" or text[cut.at + 1 : cut.at + 2].strip("# \t\r\n") != ""
    if is_hashtag or name not in _PROSE:
        return is_hashtag
    if not cut.value:
        return name == "excerpt"
    is_set_apart = text[max(cut.at - 2, 0) : cut.at].isspace()
    return not is_set_apart and _NO_PROSE.fullmatch(cut.value) is None


def what_was_cut(text: str, cut: Cut) -> tuple[str, str]:
    """Return reason and expectation of a notice about a cut."""
    if text[cut.at] == "#":
        return "cut_by_comment", "quotes round a text that holds ` #`: to YAML a comment begins there"
    hidden = text[: cut.at].rstrip("\u0085\u2028\u2029")
    return "cut_by_line_break", f"no invisible line break U+{ord(text[len(hidden)]):04X} in a text"
