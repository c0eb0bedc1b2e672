-- Shops are connected by a person: the apps they are connected through, the consents that are asked for, and the address
-- under which marketplaces reach this server.

-- one app per merchant and platform: pasted once, used for every shop of it
create table apps (
    merchant_id text not null references merchants (merchant_id),
    platform text not null,
    app text not null, -- the platform's own id of it
    credentials blob not null, -- sealed
    updated_at bigint not null,
    primary key (merchant_id, platform)
);

-- a seller was sent to the platform's consent page; whoever comes back with this state comes back from there, once
create table consents (
    merchant_id text not null references merchants (merchant_id),
    state text not null,
    user_id text not null,
    platform text not null,
    country text not null,
    address text not null, -- base URL of the platform's API
    account text, -- the shop that is meant, where a person said so
    name text,
    shop_id text, -- the shop that is authorised again
    created_at bigint not null,
    ends_at bigint not null,
    primary key (merchant_id, state)
);

alter table merchants add column public_url text;
alter table merchants add column public_url_checked_at bigint not null default 0; -- when a test push arrived, 0 if none did
alter table merchants add column public_url_problem text; -- why the last test push did not
alter table shops add column connected boolean not null default true;

-- Order numbers repeat across shops: a job is its shop's.
create table jobs_of_shops (
    merchant_id text not null,
    kind text not null,
    subject text not null,
    shop_id text not null,
    wake_at bigint not null, -- real clock
    wanted bigint not null, -- counts nudges, so that one during the work is not lost
    tries bigint not null,
    lease text,
    leased_until bigint not null,
    primary key (merchant_id, kind, subject, shop_id)
);
insert into jobs_of_shops select merchant_id, kind, subject, shop_id, wake_at, wanted, tries, lease, leased_until from jobs;
drop table jobs;
alter table jobs_of_shops rename to jobs;
-- what is due in this shop?
create index jobs_due on jobs (merchant_id, kind, shop_id, wake_at, subject);
-- when does anything wake?
create index jobs_by_wake_at on jobs (wake_at, merchant_id, kind, shop_id);
