-- when it was told that this request's time runs out; real clock, null: it was not told
alter table cancellation_requests add column alerted_at bigint;
