"""What was measured of the real source, as numbers that the generator draws from.

Two corpora were measured: 1,203 documents with long `related` lists (33 MB, 40,783 mentions) and 15 weekly states of a
site with none. The shape of the lists matters most, because nearly all bytes are in them: documents come in clusters
(one story followed over months), all documents of a cluster list the same pool of articles in the same order, each
without itself. So 95 % of the entries of a large corpus repeat another document's letter for letter, and a document
has either no list, a short one, or one as long as its cluster's pool.

Rejected: drawing every list on its own from one large pool. It gives the same number of repeats, but spreads an
article over the whole corpus instead of over one cluster, and a growing corpus would then grow its repeats too.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["long", "short"]


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of corpus. Units: lists in entries, one value per equal share of the documents."""

    lists: tuple[int, ...]
    documents_per_pool_entry: float


# The 40 quantiles of the list length over documents, as measured; their mean is 32.6.
LONG_LISTS = (
    *(0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 4, 5, 6, 8, 10, 12),
    *(15, 18, 19, 23, 26, 28, 32, 35, 37, 48, 52, 54, 59, 62, 63, 114, 127, 127, 137, 175),
)
# Documents of about 6 kB, as the five seeds are: around five entries, few without any.
SHORT_LISTS = (0, 2, 3, 3, 4, 4, 5, 5, 5, 6, 6, 7, 8, 9, 13)

SHAPES: dict[Kind, Shape] = {"long": Shape(LONG_LISTS, 0.66), "short": Shape(SHORT_LISTS, 0.66)}

# Share of a pool that has a document of its own in the cluster; the rest is only mentioned.
OWN_SHARE = 0.25
# Share of pool entries that stand in the pool twice, the second time with another quality (a recrawl).
VARIANT_SHARE = 0.003
# Share of the documents whose own values differ from what the other documents say of the same article.
ROOT_DIFFERS_SHARE = 0.006
# Share of the documents that list themselves.
LISTS_ITSELF_SHARE = 0.003

ROOT_ORIGINAL_SHARE = 0.62
ROOT_IMAGE_SHARE = 0.52
VIDEO_SHARE = 0.01
ROOT_AMP_SHARE = 0.21
LOGO_SHARE = 0.59
AMP_SHARE = 0.33
IMAGE_SHARE = 0.71
SECOND_IMAGE_SHARE = 0.008
IMAGE_TITLE_SHARE = 0.01
QUERY_SHARE = 0.012
DATED_PATH_SHARE = 0.5
# AMP as a subdomain, as a folder at the end, as a parameter, as a folder in front.
AMP_FORM_WEIGHTS = (5, 30, 20, 45)
# Share of a list that an edit of it drops.
DROPPED_SHARE = 0.03
TRAILING_SPACE_SHARE = 0.02
NO_EXCERPT_SHARE = 0.009
QUOTED_SHARE = 0.02
NOT_RATED_SHARE = 0.74
PUBLISHED_SHARE = 0.114
CRLF_SHARE = 0.04

# `secured` is two base64 texts joined by a semicolon; the first one's bytes, with their weights; the second has 32.
SECURED_BYTES = ((225, 12), (258, 62), (354, 12), (387, 14))
SECURED_TAIL_BYTES = 32

# Days between a document and the articles it lists: most within the week, the rest within the cluster's life.
NEAR_DAYS = 8
FAR_DAYS = 250
NEAR_SHARE = 0.6
FIRST_DAY = "2012-01-02"
DOCUMENTS_PER_DAY = 8
LONGEST_SPAN_DAYS = 3_650

IMAGE_SIZES = ((1200, 630), (700, 450), (1200, 675), (647, 450), (1280, 720), (1200, 800), (1200, 627), (300, 300))
TOPICS = ("Databases", "AI", "Security", "Storage", "DevOps", "IoT", "Containers", "Networking", "Analytics", "Hybrid")
TOPIC_COUNTS = ((1, 82), (2, 13), (3, 4), (4, 1))
