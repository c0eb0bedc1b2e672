-- Texts compare by bytes (collate "C"), as SQLite compares them, so that pages and prefixes are the same in both.
-- Every table's key begins with merchant_id, except the directory tables, which find the merchant in the first place.

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name;
end
$$;

create table merchants (
    merchant_id text collate "C" not null primary key,
    name text collate "C" not null,
    created_at bigint not null
);

create table users (
    merchant_id text collate "C" not null references merchants (merchant_id),
    user_id text collate "C" not null,
    email text collate "C" not null,
    password_hash text collate "C" not null,
    permissions text collate "C" not null, -- JSON list of words
    shops text collate "C", -- JSON list of shop ids; null means all
    created_at bigint not null,
    primary key (merchant_id, user_id)
);

-- directory: sign-in knows only an e-mail address
create table sign_ins (
    email text collate "C" not null primary key,
    merchant_id text collate "C" not null,
    user_id text collate "C" not null,
    foreign key (merchant_id, user_id) references users (merchant_id, user_id)
);

-- directory: a request knows only its session's or its token's hash
create table sessions (
    token_hash text collate "C" not null primary key,
    merchant_id text collate "C" not null,
    user_id text collate "C" not null,
    csrf text collate "C" not null,
    created_at bigint not null,
    expires_at bigint not null,
    foreign key (merchant_id, user_id) references users (merchant_id, user_id)
);

create table api_tokens (
    token_hash text collate "C" not null primary key,
    merchant_id text collate "C" not null,
    user_id text collate "C" not null,
    name text collate "C" not null,
    created_at bigint not null,
    foreign key (merchant_id, user_id) references users (merchant_id, user_id)
);

create table shops (
    merchant_id text collate "C" not null references merchants (merchant_id),
    shop_id text collate "C" not null,
    platform text collate "C" not null,
    account text collate "C" not null, -- the platform's own id of the shop
    name text collate "C" not null,
    region text collate "C" not null,
    address text collate "C" not null, -- base URL of the platform's API
    callback_url text collate "C", -- the public address that pushes are signed with
    warehouse_id text collate "C" not null,
    credentials bytea not null, -- sealed
    grant_version bigint not null,
    renewing_lease text collate "C",
    renewing_until bigint not null,
    authorised boolean not null,
    alert text collate "C", -- what a person has to do
    stock_from bigint not null, -- orders whose goods left before are not replayed
    swept_to bigint not null, -- the platform's time up to which every change is known
    created_at bigint not null,
    primary key (merchant_id, shop_id),
    unique (merchant_id, platform, account)
);

-- directory: a push knows only its platform and account
create table webhook_routes (
    platform text collate "C" not null,
    account text collate "C" not null,
    merchant_id text collate "C" not null,
    shop_id text collate "C" not null,
    primary key (platform, account),
    foreign key (merchant_id, shop_id) references shops (merchant_id, shop_id)
);

create table warehouses (
    merchant_id text collate "C" not null references merchants (merchant_id),
    warehouse_id text collate "C" not null,
    name text collate "C" not null,
    primary key (merchant_id, warehouse_id)
);

create table orders (
    merchant_id text collate "C" not null,
    order_id text collate "C" not null,
    shop_id text collate "C" not null,
    platform text collate "C" not null,
    number text collate "C" not null,
    version bigint not null,
    list text collate "C" not null,
    tab text collate "C" not null,
    platform_status text collate "C" not null,
    standing text collate "C" not null,
    stage text collate "C" not null,
    region text collate "C" not null,
    currency text collate "C" not null,
    total_minor bigint,
    buyer_name text collate "C" not null,
    cod boolean not null,
    preorder boolean not null,
    fulfilled_by text collate "C" not null,
    seller_may_cancel boolean,
    voided boolean not null,
    cancelling boolean not null,
    left_before_counting boolean not null,
    cancelled_by text collate "C",
    cancel_reason text collate "C",
    buyer_reason text collate "C",
    ordered_at bigint not null,
    paid_at bigint,
    ship_by bigint not null, -- 9223372036854775807 where the platform names none
    canceled_at bigint not null, -- 0 while it lives
    platform_updated_at bigint not null,
    read_began_at bigint not null, -- when the applied read began, real clock
    written_at bigint not null, -- when the last write of ours was answered, real clock
    updated_at bigint not null,
    primary key (merchant_id, order_id),
    unique (merchant_id, shop_id, number),
    foreign key (merchant_id, shop_id) references shops (merchant_id, shop_id)
);

-- which orders of this list must ship first?
create index orders_of_list_by_ship_by on orders (merchant_id, list, ship_by, order_id);
-- which orders of this list are newest?
create index orders_of_list_by_ordered_at on orders (merchant_id, list, ordered_at, order_id);
-- which orders were canceled last?
create index orders_of_list_by_canceled_at on orders (merchant_id, list, canceled_at, order_id);
-- the same over all lists
create index orders_by_ship_by on orders (merchant_id, ship_by, order_id);
create index orders_by_ordered_at on orders (merchant_id, ordered_at, order_id);
create index orders_by_canceled_at on orders (merchant_id, canceled_at, order_id);
-- how many orders stand in each list and tab?
create index orders_per_list_and_tab on orders (merchant_id, list, tab, shop_id);

-- number, tracking numbers and SKUs of each order, lower case: what the search box looks up by prefix
create table order_terms (
    merchant_id text collate "C" not null,
    term text collate "C" not null,
    order_id text collate "C" not null,
    primary key (merchant_id, term, order_id),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id)
);

create table lines (
    merchant_id text collate "C" not null,
    order_id text collate "C" not null,
    line_id text collate "C" not null,
    position bigint not null,
    listing_id text collate "C" not null,
    listing_sku text collate "C" not null,
    merchant_sku text collate "C" not null,
    warehouse_id text collate "C" not null,
    name text collate "C" not null,
    variation text collate "C" not null,
    quantity bigint not null,
    canceled_quantity bigint not null,
    unit_price_minor bigint,
    reserved bigint not null check (reserved >= 0),
    allocated bigint not null check (allocated >= 0),
    outbound bigint not null check (outbound >= 0),
    outside bigint not null check (outside >= 0),
    returning_units bigint not null check (returning_units >= 0),
    count_needed bigint not null check (count_needed >= 0),
    moved_reserve bigint not null,
    moved_allocate bigint not null,
    moved_release bigint not null,
    moved_ship bigint not null,
    moved_complete bigint not null,
    moved_cancel bigint not null,
    primary key (merchant_id, order_id, line_id),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id)
);

create table packages (
    merchant_id text collate "C" not null,
    order_id text collate "C" not null,
    number text collate "C" not null,
    position bigint not null,
    tracking_number text collate "C",
    platform_status text collate "C" not null,
    stage text collate "C" not null,
    carrier text collate "C" not null,
    primary key (merchant_id, order_id, number),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id)
);

create table cancellations (
    merchant_id text collate "C" not null,
    cancellation_id text collate "C" not null,
    order_id text collate "C" not null,
    shop_id text collate "C" not null,
    initiator text collate "C" not null,
    reason text collate "C" not null,
    lines text collate "C" not null, -- JSON: the chosen lines and quantities
    note text collate "C",
    state text collate "C" not null,
    phase text collate "C" not null,
    attention boolean not null,
    sent text collate "C" not null,
    settled_at bigint not null,
    attempts bigint not null,
    fruitless_reads bigint not null,
    since bigint not null,
    seen_before bigint,
    cancelled_by text collate "C",
    platform_message text collate "C",
    actor text collate "C" not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (merchant_id, cancellation_id),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id)
);

-- one unfinished cancellation per order
create unique index cancellations_one_live_per_order on cancellations (merchant_id, order_id) where state not in ('done', 'refused');
-- what was tried on this order, newest first?
create index cancellations_of_order on cancellations (merchant_id, order_id, cancellation_id);
-- which cancellations are in this state, newest first?
create index cancellations_by_state on cancellations (merchant_id, state, cancellation_id);

-- an intent to send, written before the call; its outcome is written unconditionally after it
create table attempts (
    merchant_id text collate "C" not null,
    cancellation_id text collate "C" not null,
    attempt bigint not null,
    began_at bigint not null,
    deadline bigint not null, -- until when the call can still reach the platform, real clock
    outcome text collate "C", -- null: nothing is known
    http_status bigint,
    platform_code text collate "C",
    platform_message text collate "C",
    request_id text collate "C",
    answered_at bigint,
    primary key (merchant_id, cancellation_id, attempt),
    foreign key (merchant_id, cancellation_id) references cancellations (merchant_id, cancellation_id)
);

-- what waits to be done: one row per kind and subject
create table jobs (
    merchant_id text collate "C" not null,
    kind text collate "C" not null,
    subject text collate "C" not null,
    shop_id text collate "C" not null,
    wake_at bigint not null, -- real clock
    wanted bigint not null, -- counts nudges, so that one during the work is not lost
    tries bigint not null,
    lease text collate "C",
    leased_until bigint not null,
    primary key (merchant_id, kind, subject)
);

-- what is due in this shop?
create index jobs_due on jobs (merchant_id, kind, shop_id, wake_at, subject);
-- when does anything wake?
create index jobs_by_wake_at on jobs (wake_at, merchant_id, kind, shop_id);

create table listings (
    merchant_id text collate "C" not null,
    shop_id text collate "C" not null,
    listing_id text collate "C" not null,
    listing_sku text collate "C" not null,
    merchant_sku text collate "C" not null,
    name text collate "C" not null,
    stock bigint not null, -- as last read
    read_at bigint not null,
    primary key (merchant_id, shop_id, listing_id),
    foreign key (merchant_id, shop_id) references shops (merchant_id, shop_id)
);

-- on which listings is this merchant SKU sold?
create index listings_of_merchant_sku on listings (merchant_id, merchant_sku);

-- listings of these merchant SKUs are held against any push until they are counted
create table holds (
    merchant_id text collate "C" not null,
    merchant_sku text collate "C" not null,
    cancellation_id text collate "C" not null,
    placed_at bigint not null,
    primary key (merchant_id, merchant_sku, cancellation_id),
    foreign key (merchant_id, cancellation_id) references cancellations (merchant_id, cancellation_id)
);

create table balances (
    merchant_id text collate "C" not null,
    warehouse_id text collate "C" not null,
    merchant_sku text collate "C" not null,
    available bigint not null check (available >= 0),
    reserved bigint not null check (reserved >= 0),
    count_needed bigint not null check (count_needed >= 0),
    allocated bigint not null check (allocated >= 0),
    defective bigint not null check (defective >= 0),
    outbound bigint not null check (outbound >= 0),
    returning_units bigint not null check (returning_units >= 0),
    lost bigint not null check (lost >= 0),
    primary key (merchant_id, warehouse_id, merchant_sku)
);

create table movements (
    merchant_id text collate "C" not null,
    movement_key text collate "C" not null, -- what makes a second write of the same movement a no-op
    movement_id text collate "C" not null, -- sorts by time
    warehouse_id text collate "C" not null,
    merchant_sku text collate "C" not null,
    from_bucket text collate "C" not null,
    to_bucket text collate "C" not null,
    units bigint not null check (units > 0),
    cause text collate "C" not null,
    order_id text collate "C",
    line_id text collate "C",
    actor text collate "C" not null,
    at bigint not null,
    primary key (merchant_id, movement_key)
);

-- which movements make this SKU's number, newest first?
create index movements_of_sku on movements (merchant_id, warehouse_id, merchant_sku, movement_id);

create trigger movements_are_not_changed before update on movements for each row execute function refuse_change();
create trigger movements_are_not_deleted before delete on movements for each row execute function refuse_change();

create table log (
    merchant_id text collate "C" not null,
    entry_id text collate "C" not null, -- sorts by time
    at bigint not null,
    actor text collate "C" not null,
    action text collate "C" not null,
    shop_id text collate "C",
    order_id text collate "C",
    subject text collate "C" not null,
    detail text collate "C" not null,
    primary key (merchant_id, entry_id)
);

-- what happened to this order?
create index log_of_order on log (merchant_id, order_id, entry_id);

create trigger log_is_not_changed before update on log for each row execute function refuse_change();
create trigger log_is_not_deleted before delete on log for each row execute function refuse_change();

create table idempotency_keys (
    merchant_id text collate "C" not null,
    actor text collate "C" not null,
    path text collate "C" not null,
    idempotency_key text collate "C" not null,
    body_hash text collate "C" not null,
    status bigint not null,
    answer text collate "C" not null,
    created_at bigint not null,
    primary key (merchant_id, actor, path, idempotency_key)
);

-- which kept answers are older than 7 days?
create index idempotency_keys_by_age on idempotency_keys (created_at);
