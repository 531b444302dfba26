-- One row per current mention asked for, with all that it says, under the names and in the shapes that `show` has for an
-- article's values; `version` as in document_versions.sql.
with

wanted as (
    select
        unnest($sources) as source,
        unnest($paths) as path,
        unnest($positions) as position
)

select
    version.source,
    version.path,
    content_entry.position,
    entry.* exclude (
        entry_id, entry_digest, unknown, title_flaw, excerpt_flaw, provider_name_flaw, topics, images
    ),
    entry.provider_domain as provider,
    nullif(array_to_string(entry.provider_authors, '; '), '') as authors,
    list_sort(list_distinct(coalesce(entry.topics, []))) as topics,
    [image.url for image in coalesce(entry.images, [])] as image_urls,
    list_filter(image_urls, lambda url, place: list_position(image_urls, url) = place) as images,
    coalesce(entry.web_url, entry.original_url) as url,
from wanted
inner join version
    on
        version.source = wanted.source
        and version.path = wanted.path
        and version.valid_to is null
inner join ledger.content_entry as content_entry
    on
        content_entry.content_id = version.content_id
        and content_entry.position = wanted.position
inner join ledger.entry as entry on entry.entry_id = content_entry.entry_id
