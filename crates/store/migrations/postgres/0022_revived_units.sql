-- Units of a line that had been cancelled and live again, once a person believed its marketplace (ADR 5).

alter table lines add column moved_revive bigint not null default 0;
