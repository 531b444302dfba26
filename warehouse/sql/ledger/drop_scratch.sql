-- Drops the scratch tables of a recording, as the build wants the memory.

drop table if exists temp.seen;

drop table if exists temp.given_source;

drop table if exists temp.unlistable;

drop table if exists temp.staged_document;

drop table if exists temp.staged_problem;

drop table if exists temp.observed;

drop table if exists temp.desired_event;

drop table if exists temp.known_url;

drop table if exists temp.continued;
