-- Units that were missing at a stock-in, and how many units each of its causes has moved so far (ADR 12).
alter table lines add column lost bigint not null default 0 check (lost >= 0);
alter table lines add column moved_stock_in bigint not null default 0;
alter table lines add column moved_find bigint not null default 0;
alter table lines add column moved_undo_stock_in bigint not null default 0;

-- the platform's status before the order was canceled, where it was seen
alter table orders add column status_before text;

-- where cancelled orders' units are usually taken in, and after how many days of waiting somebody is told
alter table merchants add column return_warehouse_id text;
alter table merchants add column stock_in_alert_days bigint not null default 7;

-- orders of which units were once in "returning"
create table returns (
    merchant_id text not null,
    order_id text not null,
    units bigint not null check (units >= 0), -- that wait now
    since bigint not null, -- from when on they wait, or last waited; the platform's clock
    settled_at bigint not null, -- when the last of them was stocked in; 0 while units wait
    claimed_by text, -- who asked the carrier where the parcel is
    claimed_at bigint,
    primary key (merchant_id, order_id),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id)
);

-- which orders wait longest?
create index returns_waiting_by_since on returns (merchant_id, since, order_id) where units > 0;
-- which were stocked in last?
create index returns_settled_by_settled_at on returns (merchant_id, settled_at, order_id) where units = 0;

insert into returns (merchant_id, order_id, units, since, settled_at)
    select o.merchant_id, o.order_id, sum(l.returning_units), max(case when o.canceled_at = 0 then o.platform_updated_at else o.canceled_at end), 0
    from orders o join lines l on l.merchant_id = o.merchant_id and l.order_id = o.order_id
    where l.returning_units > 0 group by o.merchant_id, o.order_id;

-- one visit that put units of one order back: the receipt
create table stock_ins (
    merchant_id text not null,
    stock_in_id text not null, -- sorts by time
    order_id text not null,
    warehouse_id text not null,
    batch_id text,
    units bigint not null,
    note text,
    actor text not null,
    at bigint not null,
    undone_at bigint,
    undone_by text,
    undone_why text,
    primary key (merchant_id, stock_in_id),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id)
);

-- what was stocked in of this order?
create index stock_ins_of_order on stock_ins (merchant_id, order_id, stock_in_id);

create table stock_in_lines (
    merchant_id text not null,
    stock_in_id text not null,
    line_id text not null,
    merchant_sku text not null,
    sellable bigint not null,
    defective bigint not null,
    missing bigint not null,
    found bigint not null,
    primary key (merchant_id, stock_in_id, line_id),
    foreign key (merchant_id, stock_in_id) references stock_ins (merchant_id, stock_in_id)
);

-- a selection that is stocked in, order by order, in the background
create table stock_in_batches (
    merchant_id text not null,
    batch_id text not null,
    warehouse_id text not null,
    note text,
    actor text not null,
    shops text, -- JSON list of the shops that the actor sees; null means all
    total bigint not null,
    done bigint not null,
    skipped bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (merchant_id, batch_id)
);

create table stock_in_batch_orders (
    merchant_id text not null,
    batch_id text not null,
    order_id text not null,
    expected bigint not null, -- units that waited when the selection was made
    state text not null, -- waiting, done, skipped
    detail text,
    primary key (merchant_id, batch_id, order_id),
    foreign key (merchant_id, batch_id) references stock_in_batches (merchant_id, batch_id)
);

-- which orders of this batch are in this state?
create index stock_in_batch_orders_by_state on stock_in_batch_orders (merchant_id, batch_id, state, order_id);
