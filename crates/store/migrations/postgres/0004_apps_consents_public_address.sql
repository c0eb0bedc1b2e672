-- Shops are connected by a person: the apps they are connected through, the consents that are asked for, and the address
-- under which marketplaces reach this server.

-- one app per merchant and platform: pasted once, used for every shop of it
create table apps (
    merchant_id text collate "C" not null references merchants (merchant_id),
    platform text collate "C" not null,
    app text collate "C" not null, -- the platform's own id of it
    credentials bytea not null, -- sealed
    updated_at bigint not null,
    primary key (merchant_id, platform)
);

-- a seller was sent to the platform's consent page; whoever comes back with this state comes back from there, once
create table consents (
    merchant_id text collate "C" not null references merchants (merchant_id),
    state text collate "C" not null,
    user_id text collate "C" not null,
    platform text collate "C" not null,
    country text collate "C" not null,
    address text collate "C" not null, -- base URL of the platform's API
    account text collate "C", -- the shop that is meant, where a person said so
    name text collate "C",
    shop_id text collate "C", -- the shop that is authorised again
    created_at bigint not null,
    ends_at bigint not null,
    primary key (merchant_id, state)
);

alter table merchants add column public_url text collate "C";
alter table merchants add column public_url_checked_at bigint not null default 0; -- when a test push arrived, 0 if none did
alter table merchants add column public_url_problem text collate "C"; -- why the last test push did not
alter table shops add column connected boolean not null default true;

-- Order numbers repeat across shops: a job is its shop's.
alter table jobs drop constraint jobs_pkey;
alter table jobs add primary key (merchant_id, kind, subject, shop_id);
