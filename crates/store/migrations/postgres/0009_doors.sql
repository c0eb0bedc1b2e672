-- Which parcel of an order was scanned out by us (ADR 14).
alter table packages add column scanned_out boolean not null default false;
update packages set scanned_out = true where exists
    (select 1 from orders o where o.merchant_id = packages.merchant_id and o.order_id = packages.order_id and o.scanned_out);

-- whoever manages users may let a parcel out although the platform is silent
update users set permissions = replace(permissions, ']', ',"orders.pass"]') where permissions like '%"users.manage"%';

-- what was scanned, by whom, and what the desk said
create table scans (
    merchant_id text collate "C" not null references merchants (merchant_id),
    scan_id text collate "C" not null, -- sorts by time
    code text collate "C" not null,
    verdict text collate "C" not null,
    reason text collate "C" not null,
    shipped boolean not null, -- this scan let it out
    note text collate "C", -- why it was let pass although the platform was silent
    order_id text collate "C",
    package_number text collate "C",
    actor text collate "C" not null,
    at bigint not null,
    primary key (merchant_id, scan_id)
);

-- what did this person scan last?
create index scans_of_actor on scans (merchant_id, actor, scan_id);

-- labels that went out as one print
create table print_batches (
    merchant_id text collate "C" not null references merchants (merchant_id),
    print_batch_id text collate "C" not null, -- sorts by time
    labels bigint not null,
    actor text collate "C" not null,
    at bigint not null,
    primary key (merchant_id, print_batch_id)
);

create table prints (
    merchant_id text collate "C" not null,
    print_batch_id text collate "C" not null,
    position bigint not null, -- in the order of printing, from 1
    order_id text collate "C" not null,
    package_number text collate "C" not null,
    copy bigint not null,
    primary key (merchant_id, print_batch_id, position),
    foreign key (merchant_id, print_batch_id) references print_batches (merchant_id, print_batch_id),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id)
);

-- of a label's latest print: its batch and place in it; whether the parcel has left the house or was stocked in since;
-- and who took it out of the pile
alter table labels add column print_batch_id text collate "C";
alter table labels add column print_position bigint;
alter table labels add column gone boolean not null default false;
alter table labels add column pulled_at bigint;
alter table labels add column pulled_by text collate "C";
update labels set gone = true where exists (select 1 from packages p where p.merchant_id = labels.merchant_id
    and p.order_id = labels.order_id and p.number = labels.package_number and p.stage in ('handed_over', 'delivered', 'returned')
    and not p.scanned_out);

-- which printed parcels are still in the house?
create index labels_printed_here on labels (merchant_id, order_id) where prints > 0 and not gone and pulled_at is null;

-- where a product lies; a product without a shelf is found by its SKU
create table shelves (
    merchant_id text collate "C" not null,
    warehouse_id text collate "C" not null,
    merchant_sku text collate "C" not null,
    shelf text collate "C" not null,
    primary key (merchant_id, warehouse_id, merchant_sku),
    foreign key (merchant_id, warehouse_id) references warehouses (merchant_id, warehouse_id)
);

-- one look at a pile before the courier signs: what was in it, and what had to come out
create table handover_checks (
    merchant_id text collate "C" not null references merchants (merchant_id),
    check_id text collate "C" not null, -- sorts by time
    shop_id text collate "C", -- null: of several shops
    carrier text collate "C", -- null: of several carriers
    parcels text collate "C" not null, -- JSON: order, package, verdict, reason, and why it was not read
    unknown text collate "C" not null, -- JSON list: codes that name no parcel
    actor text collate "C" not null,
    at bigint not null,
    primary key (merchant_id, check_id)
);

-- which new orders of a shop are packed by themselves
create table pack_rules (
    merchant_id text collate "C" not null,
    shop_id text collate "C" not null,
    is_on boolean not null,
    payment text collate "C" not null, -- any, cod or prepaid
    wait_minutes bigint not null, -- after the order was placed
    set_by text collate "C" not null,
    set_at bigint not null,
    primary key (merchant_id, shop_id),
    foreign key (merchant_id, shop_id) references shops (merchant_id, shop_id)
);

-- units that a courier scanned after the cancel, that came back from it, and that were claimed
alter table lines add column moved_courier_scan bigint not null default 0;
alter table lines add column moved_come_back bigint not null default 0;
alter table lines add column moved_claim bigint not null default 0;

-- canceled orders that a courier scanned all the same, watched until their units are stocked in or claimed
create table cases (
    merchant_id text collate "C" not null,
    order_id text collate "C" not null,
    shop_id text collate "C" not null,
    state text collate "C" not null,
    opened_at bigint not null, -- real clock
    scanned_at bigint not null, -- the platform's clock
    scanned_as text collate "C" not null, -- the platform's own word of the scan
    units bigint not null, -- that left
    unexplained bigint not null, -- of these, units that no bucket had: a difference for the audit
    came_back_at bigint,
    reference text collate "C", -- of the claim
    note text collate "C",
    ended_by text collate "C",
    ended_at bigint,
    primary key (merchant_id, order_id),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id)
);

-- which cases are in this state, newest first?
create index cases_by_state on cases (merchant_id, state, opened_at, order_id);
