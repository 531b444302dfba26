-- Makes the scratch tables of what a run looked at: the sources given, and the folders that could not be listed.

create or replace temp table given_source as
select unnest($sources::varchar[]) as source;

create or replace temp table unlistable as
with folders as (
    select unnest($unlistable_sources::varchar[]) as source, unnest($unlistable_folders::varchar[]) as folder
)

select source, if(folder in ('', '.'), '', rtrim(folder, '/') || '/') as prefix
from folders;
