-- The release that is told of, and why it was compared with none.
select release_id, as_of, uncompared_reason from ops.release
