"""Clusters of documents, and one document's text in a given state.

Documents are numbered through; a cluster holds neighbours. Clusters come one after another, so any number of documents
needs the memory of one cluster. Files are named after their day, and the days of a cluster lie months apart: in a scan
sorted by name a cluster's documents are far from each other, as in the source, so that a reader gains nothing from
luck of order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from random import Random

from tests.benchmarks import corpus_shape as shape
from tests.benchmarks.corpus_articles import (
    Article,
    amp_lines,
    article,
    image_lines,
    quoted,
    related_block,
    secured,
    shifted,
    stamp,
    words,
)
from tests.benchmarks.corpus_edits import State

# A cluster holds at most one document in so many, so that a small corpus has more than a few.
CLUSTERS_AT_LEAST = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """What decides a corpus: the same plan gives the same bytes.

    repeats: the share of the listed entries that repeat their cluster's; 1 is the real source's shape, 0 has nothing in
    common but what few documents say of themselves.
    """

    documents: int
    kind: shape.Kind
    seed: int = 1
    folders: int = 1
    repeats: float = 1.0


@dataclass(frozen=True)
class Cluster:
    """A story followed over months: `size` documents from number `first` on, and a pool of entries that all list."""

    plan: Plan
    number: int
    first: int
    size: int
    pool: int

    @property
    def centre(self) -> datetime:
        """Return the middle of its life, which moves with its place in the corpus."""
        days = span_days(self.plan) * self.first / max(1, self.plan.documents)
        return datetime.fromisoformat(shape.FIRST_DAY) + timedelta(days=days)

    def name(self, *parts: object) -> str:
        """Return the name of one of its things, from which all about it is drawn."""
        return ":".join(map(str, (self.plan.seed, self.plan.kind, self.number, *parts)))

    def article(self, place: int) -> Article:
        """Return its article at a place: below `size` a document's own, from there on one that is only mentioned."""
        when = shifted(self.centre, Random(self.name("when", place)))
        return article(self.name("article", place), when, f"{base36(self.number)}x{base36(place)}")

    @cached_property
    def entries(self) -> tuple[tuple[int, str], ...]:
        """Return its pool in order of time: (place of the article, block); a recrawl gives an entry twice."""
        own = min(self.size, round(self.pool * shape.OWN_SHARE))
        places = [*range(own), *range(self.size, self.size + self.pool - own)]
        found = sorted(
            ((self.article(place), place) for place in places), key=lambda pair: (pair[0].published_at, pair[1])
        )
        entries = [(place, related_block(made)) for made, place in found]
        draw = Random(self.name("variants"))
        again = [(made, place) for made, place in found if draw.random() < shape.VARIANT_SHARE]
        return (*entries, *((place, related_block(replace(made, quality=made.quality + 3))) for made, place in again))


def span_days(plan: Plan) -> float:
    """Return the days that a corpus covers: more documents are first more days, then more a day."""
    return min(shape.LONGEST_SPAN_DAYS, plan.documents / shape.DOCUMENTS_PER_DAY + shape.FAR_DAYS)


def base36(number: int) -> str:
    """Return a number in digits and lower-case letters."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    head = base36(number // 36) if number >= 36 else ""
    return head + digits[number % 36]


def clusters(plan: Plan) -> Iterator[Cluster]:
    """Yield the clusters of a corpus in order.

    The next cluster is always of the list length that is furthest behind its share of the documents, so that a corpus
    of a few hundred has the shape already.
    """
    wanted = shape.SHAPES[plan.kind]
    lists = sorted(set(wanted.lists))
    share = {length: wanted.lists.count(length) / len(wanted.lists) for length in lists}
    ceiling = max(1, plan.documents // CLUSTERS_AT_LEAST)
    size = {length: min(ceiling, max(1, round(length * wanted.documents_per_pool_entry))) for length in lists}
    made = dict.fromkeys(lists, 0)
    first = number = 0
    while first < plan.documents:
        length = max(lists, key=lambda each: share[each] * first - made[each] - size[each] / 2)
        count = min(size[length], plan.documents - first)
        yield Cluster(plan, number, first, count, length + 1 if length * shape.OWN_SHARE >= 0.5 else length)
        made[length] += count
        first, number = first + count, number + 1


def path_of(cluster: Cluster, place: int) -> str:
    """Return a document's path below the corpus: by its first story's day, whatever is in it now."""
    found = cluster.article(place)
    name = f"{found.published_at:%Y-%m-%d}-{found.slug}.md"
    folders = cluster.plan.folders
    if folders == 1:
        return name
    begin = datetime.fromisoformat(shape.FIRST_DAY) - timedelta(days=shape.FAR_DAYS)
    whole = span_days(cluster.plan) + 2 * shape.FAR_DAYS
    return f"{int((found.published_at - begin).days / whole * folders):05d}/{name}"


def document(cluster: Cluster, place: int, state: State) -> bytes:
    """Return a document's bytes in a state."""
    content = state.content
    name = cluster.name("document", place)
    found = cluster.article(place)
    if content.story:
        when = shifted(cluster.centre, Random(f"{name}:{content.story}"))
        identifier = f"{base36(cluster.number)}x{base36(place)}s{content.story}"
        found = article(f"{name}:story:{content.story}", when, identifier)
    text = (
        f"---\n{head(found, name, state)}\n{provider_lines(found, name)}\n{topic_lines(name, content.topics)}\n"
        f"{root_images(found, name)}{related_lines(cluster, place, name, state)}"
        f"secured: {quoted(secured(f'{name}:secured:{state.secured}'))}\n---\n\n"
    )
    is_crlf = (Random(f"{name}:newlines").random() < shape.CRLF_SHARE) != state.is_flipped
    return (text.replace("\n", "\r\n") if is_crlf else text).encode()


def head(found: Article, name: str, state: State) -> str:
    """Return the first block: what the document says of its own article."""
    content, draw = state.content, Random(name)
    is_video, has_original, has_amp = (
        draw.random() < share
        for share in (shape.VIDEO_SHARE, shape.ROOT_ORIGINAL_SHARE, shape.ROOT_AMP_SHARE / shape.AMP_SHARE)
    )
    differs = draw.random() < shape.ROOT_DIFFERS_SHARE
    quality = found.quality + (7 if differs else 0) + bump(name, "quality", content.quality)
    more = words(Random(f"{name}:title:{content.title}"), 2 if content.title else 0)
    title = " ".join((found.title, *more))
    web, original = f"webUrl: {quoted(found.web_url)}\n", f"originalUrl: {quoted(found.web_url)}\n"
    return (
        f"category: news\ntitle: {quoted(title)}\nexcerpt: {quoted(found.excerpt)}\n"
        f"publishedDateTime: {stamp(found.published_at)}\n"
        f"{original if is_video or has_original else ''}{'' if is_video else web}"
        f"{amp_lines(found, '') if has_amp and not is_video else ''}type: {'video' if is_video else 'article'}\n"
        f"quality: {quality}\nheat: {heat(name, quality, content.heat)}\n"
        f"published: {str(is_published(name, content.published)).lower()}\n{featured(found) if is_video else ''}"
    )


def bump(name: str, field: str, step: int) -> int:
    """Return by how much an edit at a step moves a score: 1 to 23, another value at each of 23 steps; no edit, 0."""
    return (Random(f"{name}:{field}").randrange(23) + 7 * step) % 23 + 1 if step else 0


def heat(name: str, quality: int, step: int) -> int:
    """Return the popularity: -1, not rated, in three of four as generated; an edit rates it."""
    draw = Random(f"{name}:heat")
    is_rated = draw.random() >= shape.NOT_RATED_SHARE
    return int(quality + draw.paretovariate(1.2) * 4) + bump(name, "heat", step) if step or is_rated else -1


def is_published(name: str, turned: int) -> bool:
    """Tell whether the site shows it; an edit turns it over."""
    return (Random(f"{name}:published").random() < shape.PUBLISHED_SHARE) != bool(turned)


def featured(found: Article) -> str:
    """Return the embedded player of a video."""
    address = f"https://player.example.com/embed/{found.slug}"
    frame = f'<iframe width="800" height="500" frameborder="0" src="{address}"></iframe>'
    return f"\nfeaturedContent: {quoted(frame)}\n"


def provider_lines(found: Article, name: str) -> str:
    """Return the `provider:` block; three of five have a logo."""
    text = f"provider:\n  name: {found.publisher.name}\n  domain: {found.publisher.domain}\n"
    if Random(f"{name}:logo").random() >= shape.LOGO_SHARE:
        return text
    logo = f"https://pages.example.com/assets/images/organizations/{found.publisher.domain}-50x50.jpg"
    return text + f'  images:\n    - url: "{logo}"\n      width: 50\n      height: 50\n'


def topic_lines(name: str, step: int) -> str:
    """Return the `topics:` block: the site's own topic first; an edit adds one."""
    draw = Random(f"{name}:topics")
    counts, weights = zip(*shape.TOPIC_COUNTS, strict=True)
    topics = draw.sample(shape.TOPICS, draw.choices(counts, weights)[0] - 1)
    others = [topic for topic in shape.TOPICS if topic not in topics]
    more = [others[step % len(others)]] if step else []
    return "topics:\n" + "".join(f"  - {topic}\n" for topic in ("Cloud", *topics, *more))


def root_images(found: Article, name: str) -> str:
    """Return the `images:` block of the document's own article; fewer have one than among the related."""
    is_kept = Random(f"{name}:images").random() < shape.ROOT_IMAGE_SHARE / shape.IMAGE_SHARE
    text = image_lines(found, "") if is_kept else ""
    return text and text + "\n"


def related_lines(cluster: Cluster, place: int, name: str, state: State) -> str:
    """Return the `related:` block: the cluster's pool without itself; an edit drops a few and adds one to three."""
    lists_itself = Random(f"{name}:itself").random() < shape.LISTS_ITSELF_SHARE
    step = state.content.related
    blocks = [] if state.content.story else [block for at, block in cluster.entries if at != place or lists_itself]
    if cluster.plan.repeats < 1:
        draw = Random(f"{name}:repeats")
        blocks = [
            block if draw.random() < cluster.plan.repeats else new_block(cluster, place, "o", number, draw)
            for number, block in enumerate(blocks)
        ]
    if step:
        draw = Random(f"{name}:related:{step}")
        blocks = [block for block in blocks if draw.random() >= shape.DROPPED_SHARE] + new_blocks(
            cluster, place, step, draw
        )
    return "related:\n" + "".join(blocks) + "\n" if blocks else ""


def new_blocks(cluster: Cluster, place: int, step: int, draw: Random) -> list[str]:
    """Return the entries that an edit adds: articles that no other document lists yet."""
    return [new_block(cluster, place, f"r{step}", number, draw) for number in range(draw.randint(1, 3))]


def new_block(cluster: Cluster, place: int, why: str, number: int, draw: Random) -> str:
    """Return an entry that no other document lists."""
    identifier = f"{base36(cluster.number)}x{base36(place)}{why}n{number}"
    found = article(cluster.name("new", place, why, number), shifted(cluster.centre, draw), identifier)
    return related_block(found)
