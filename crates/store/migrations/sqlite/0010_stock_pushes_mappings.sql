-- What a shop's listings are filled with, what was sent to them, which of them a cancel closed, and what their codes mean.

-- whether somebody or the opening stock said how many there are: a listing is never filled before (ADR 15)
alter table balances add column counted boolean not null default false;
update balances set counted = true where exists (select 1 from movements m where m.merchant_id = balances.merchant_id
    and m.warehouse_id = balances.warehouse_id and m.merchant_sku = balances.merchant_sku
    and m.cause in ('opening', 'count', 'manual_in', 'transfer'));

alter table shops add column push_stock boolean not null default false; -- off until a person switches it on
alter table shops add column return_warehouse_id text; -- where its canceled orders' units are usually taken in; null: the merchant's

-- further warehouses that a shop's orders are packed in, after its own
create table shop_warehouses (
    merchant_id text not null,
    shop_id text not null,
    position bigint not null,
    warehouse_id text not null,
    primary key (merchant_id, shop_id, position),
    unique (merchant_id, shop_id, warehouse_id),
    foreign key (merchant_id, shop_id) references shops (merchant_id, shop_id),
    foreign key (merchant_id, warehouse_id) references warehouses (merchant_id, warehouse_id)
);

-- how much of what is available a shop's listings show
create table push_rules (
    merchant_id text not null,
    shop_id text not null,
    merchant_sku text not null, -- empty: every SKU that has no rule of its own
    percent bigint not null,
    fixed bigint not null,
    rounding text not null,
    sold_out_at bigint not null,
    primary key (merchant_id, shop_id, merchant_sku),
    foreign key (merchant_id, shop_id) references shops (merchant_id, shop_id)
);

-- the number that a listing is to show: an intent, written before the call; its outcome is written unconditionally after it
create table stock_pushes (
    merchant_id text not null,
    push_id text not null, -- sorts by time
    shop_id text not null,
    listing_id text not null,
    stock bigint not null, -- absolute
    began_at bigint not null,
    deadline bigint not null, -- until when the call can still reach the platform, real clock
    outcome text, -- null: nothing is known
    message text, -- the platform's words
    answered_at bigint,
    read_back bigint, -- what the platform showed afterwards
    primary key (merchant_id, push_id),
    foreign key (merchant_id, shop_id, listing_id) references listings (merchant_id, shop_id, listing_id)
);

-- what was sent to this listing, newest first?
create index stock_pushes_of_listing on stock_pushes (merchant_id, shop_id, listing_id, push_id);
-- which are older than they are kept?
create index stock_pushes_by_age on stock_pushes (began_at);

-- listings that the platform sets to zero for a cancel's reason
create table closed_listings (
    merchant_id text not null,
    shop_id text not null,
    listing_id text not null,
    cancellation_id text not null,
    closed_at bigint not null,
    reopen_by text, -- who asked for it by hand
    reopened_at bigint not null default 0, -- 0: closed
    primary key (merchant_id, shop_id, listing_id, cancellation_id),
    foreign key (merchant_id, shop_id, listing_id) references listings (merchant_id, shop_id, listing_id),
    foreign key (merchant_id, cancellation_id) references cancellations (merchant_id, cancellation_id)
);

-- which are closed, longest first?
create index closed_listings_by_closed_at on closed_listings (merchant_id, closed_at, cancellation_id, shop_id, listing_id) where reopened_at = 0;
-- which did this cancel close?
create index closed_listings_of_cancellation on closed_listings (merchant_id, cancellation_id);
-- which cancels said that this SKU does not exist?
create index holds_of_cancellation on holds (merchant_id, cancellation_id);

-- how a listing got its merchant SKU: it has the same code, a rule, or a mapping
alter table listings add column mapped_by text not null default 'code';

-- which merchant SKU a code on listings means
create table mappings (
    merchant_id text not null references merchants (merchant_id),
    shop_id text not null, -- empty: in every shop
    listing_sku text not null,
    merchant_sku text not null,
    source text not null,
    actor text not null,
    updated_at bigint not null,
    primary key (merchant_id, listing_sku, shop_id)
);

-- what is cut off a shop's codes before they are looked up among the merchant SKUs
create table mapping_rules (
    merchant_id text not null,
    shop_id text not null,
    prefix text not null,
    suffix text not null,
    primary key (merchant_id, shop_id),
    foreign key (merchant_id, shop_id) references shops (merchant_id, shop_id)
);

-- merchant SKUs that are several others
create table bundles (
    merchant_id text not null references merchants (merchant_id),
    bundle_sku text not null,
    position bigint not null,
    merchant_sku text not null,
    units bigint not null check (units > 0), -- in one bundle
    primary key (merchant_id, bundle_sku, merchant_sku)
);

-- in which bundles is this SKU?
create index bundles_of_component on bundles (merchant_id, merchant_sku, bundle_sku);

-- a line that is a component of what the platform sold as one: that line, and the units in one of it
alter table lines add column bundle_line text;
alter table lines add column bundle_units bigint not null default 1;

-- is this code, whatever its upper and lower case, a merchant SKU?
create index balances_by_lower_sku on balances (merchant_id, lower(merchant_sku));
-- what lies where of this SKU?
create index balances_of_sku on balances (merchant_id, merchant_sku);
-- which listings have this code?
create index listings_of_listing_sku on listings (merchant_id, listing_sku);
