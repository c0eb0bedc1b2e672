-- Third-party warehouses: accounts, which orders go there, what stands there, and what its staff said (ADR 13).

-- what a third-party warehouse has of an order's goods
alter table orders add column goods text not null default 'free';

-- the operator goes on although the warehouse keeps the goods
alter table cancellations add column despite_warehouse boolean not null default false;

-- an account at a third-party warehouse; its goods lie in the merchant's warehouse of this id
create table warehouse_accounts (
    merchant_id text not null,
    warehouse_id text not null,
    provider text not null,
    account text not null, -- the provider's own id of it
    address text not null, -- base URL of the provider's API
    credentials blob not null, -- sealed
    grant_version bigint not null,
    contact text not null, -- whom to call when goods have to be stopped
    alert text, -- what a person has to do
    created_at bigint not null,
    primary key (merchant_id, warehouse_id),
    unique (merchant_id, provider, account),
    foreign key (merchant_id, warehouse_id) references warehouses (merchant_id, warehouse_id)
);

-- directory: a push knows only the name in its address
create table warehouse_routes (
    route text not null primary key,
    merchant_id text not null,
    warehouse_id text not null,
    foreign key (merchant_id, warehouse_id) references warehouse_accounts (merchant_id, warehouse_id)
);

-- which goods of a shop lie at which third-party warehouse; the longest beginning of a SKU wins
create table warehouse_rules (
    merchant_id text not null,
    shop_id text not null,
    sku_prefix text not null, -- empty: every SKU
    warehouse_id text not null,
    withdraw_on_request boolean not null, -- asked back as soon as a buyer asks to cancel
    created_at bigint not null,
    primary key (merchant_id, shop_id, sku_prefix),
    foreign key (merchant_id, shop_id) references shops (merchant_id, shop_id),
    foreign key (merchant_id, warehouse_id) references warehouse_accounts (merchant_id, warehouse_id)
);

-- an order at a third-party warehouse; pushed again after a withdrawal it is another generation
create table warehouse_orders (
    merchant_id text not null,
    order_id text not null,
    generation bigint not null,
    warehouse_id text not null,
    shop_id text not null,
    reference text not null, -- by which the warehouse knows it; unique for ever
    number text, -- the warehouse's id of it
    state text not null,
    wanted boolean not null,
    picked boolean not null,
    confirmed boolean not null,
    in_doubt_until bigint,
    push_refused boolean not null,
    refusals bigint not null,
    unjudged boolean not null,
    asked_at bigint,
    absent_reads bigint not null,
    absent_since bigint,
    contradicted_since bigint,
    fruitless_reads bigint not null,
    raw_status text not null, -- the warehouse's words at the last read
    partial boolean not null, -- its shipments differ
    parcels text not null, -- JSON: the warehouse's ids and tracking numbers
    message text, -- why a push or withdrawal was refused
    staff_answer text, -- what its staff said: stopped or gone
    attempts bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (merchant_id, order_id, generation),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id),
    foreign key (merchant_id, warehouse_id) references warehouse_accounts (merchant_id, warehouse_id)
);

-- which order does a push of the warehouse name?
create unique index warehouse_orders_by_reference on warehouse_orders (merchant_id, warehouse_id, reference);

-- an intent to push or to ask back, written before the call; its outcome is written unconditionally after it
create table warehouse_attempts (
    merchant_id text not null,
    order_id text not null,
    generation bigint not null,
    attempt bigint not null,
    act text not null, -- push or withdraw
    began_at bigint not null,
    deadline bigint not null, -- until when the call can still reach the warehouse, real clock
    outcome text, -- null: nothing is known
    http_status bigint,
    message text,
    answered_at bigint,
    primary key (merchant_id, order_id, generation, attempt),
    foreign key (merchant_id, order_id, generation) references warehouse_orders (merchant_id, order_id, generation)
);

-- directory: who follows a one-time link knows only its secret
create table warehouse_links (
    token_hash text not null primary key,
    merchant_id text not null,
    order_id text not null,
    generation bigint not null,
    created_by text not null,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    foreign key (merchant_id, order_id, generation) references warehouse_orders (merchant_id, order_id, generation)
);
