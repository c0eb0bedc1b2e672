-- what an order's latest shipment says of it, and whether we scanned it out
alter table orders add column shipment text not null default 'none';
alter table orders add column scanned_out boolean not null default false;
alter table lines add column moved_undo_ship bigint not null default 0;

-- packs, ready-to-ship and repacks: each holds its order's slot until its outcome is known
create table shipments (
    merchant_id text not null,
    shipment_id text not null,
    order_id text not null,
    shop_id text not null,
    act text not null,
    state text not null,
    phase text not null,
    attention boolean not null,
    sent text not null,
    settled_at bigint not null,
    part text,
    attempts bigint not null,
    fruitless_reads bigint not null,
    since bigint not null,
    seen_before bigint,
    platform_message text,
    actor text not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (merchant_id, shipment_id),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id)
);

-- one unfinished shipment per order
create unique index shipments_one_live_per_order on shipments (merchant_id, order_id) where state not in ('done', 'failed');
-- what was the last shipment of this order?
create index shipments_of_order on shipments (merchant_id, order_id, shipment_id);

-- an intent to send, written before the call; its outcome is written unconditionally after it
create table shipment_attempts (
    merchant_id text not null,
    shipment_id text not null,
    attempt bigint not null,
    began_at bigint not null,
    deadline bigint not null, -- until when the call can still reach the platform, real clock
    outcome text, -- null: nothing is known
    http_status bigint,
    platform_code text,
    platform_message text,
    request_id text,
    answered_at bigint,
    primary key (merchant_id, shipment_id, attempt),
    foreign key (merchant_id, shipment_id) references shipments (merchant_id, shipment_id)
);

-- where the cached copy of each package's label stands
create table labels (
    merchant_id text not null,
    order_id text not null,
    package_number text not null,
    state text not null,
    content_hash text, -- SHA-256 in hex; null before the first copy
    message text, -- why there is none, in the platform's words
    fetched_at bigint,
    prints bigint not null, -- how often it was printed
    printed_at bigint,
    primary key (merchant_id, order_id, package_number),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id)
);

-- the bytes of labels, each once
create table label_files (
    merchant_id text not null,
    content_hash text not null,
    format text not null,
    bytes blob not null,
    primary key (merchant_id, content_hash)
);
