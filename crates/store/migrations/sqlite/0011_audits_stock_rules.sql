-- one look at everything: platform, orders, listings, ledger (ADR 16)
create table audits (
    merchant_id text not null,
    audit_id text not null, -- sorts by time
    slot bigint, -- the stretch of time that a scheduled one is of; null where somebody asked for it
    asked_by text not null,
    began_at bigint not null,
    ended_at bigint not null, -- 0 while it goes on
    open bigint not null, -- differences that were open at its end
    fresh bigint not null, -- those of them that it saw first
    gone bigint not null, -- differences that ended since the audit before
    primary key (merchant_id, audit_id)
);

-- was there a scheduled one in this stretch of time?
create unique index audits_one_per_slot on audits (merchant_id, slot);

-- what one audit has to look at: each shop, then the ledger
create table audit_parts (
    merchant_id text not null,
    audit_id text not null,
    part text not null, -- the shop's id, or the merchant's for the ledger
    step text not null, -- what it looks at now
    reached text not null, -- the last id that it looked at
    orders bigint not null, -- looked at
    listings bigint not null, -- looked at
    failed text, -- why it did not look at everything
    ended_at bigint not null, -- 0 while it goes on
    primary key (merchant_id, audit_id, part),
    foreign key (merchant_id, audit_id) references audits (merchant_id, audit_id)
);

create table differences (
    merchant_id text not null,
    difference_id text not null, -- sorts by time
    kind text not null,
    subject text not null, -- with its kind: what makes it the same one when it is seen again
    shop_id text,
    order_id text,
    line_id text,
    warehouse_id text,
    merchant_sku text,
    ours text not null, -- the evidence, in words
    theirs text not null,
    looks bigint not null, -- 1: seen once where once proves nothing
    found_at bigint not null,
    seen_at bigint not null,
    seen_in text not null, -- the audit that saw it last
    ended_at bigint not null, -- 0 while it is there
    ended_by text,
    outcome text,
    primary key (merchant_id, difference_id)
);

-- is this difference known already?
create unique index differences_one_live_per_subject on differences (merchant_id, kind, subject) where ended_at = 0;
-- which differences are there, longest first?
create index differences_live_by_id on differences (merchant_id, difference_id) where ended_at = 0;
-- which ended last?
create index differences_ended_by_id on differences (merchant_id, difference_id) where ended_at > 0;

-- which of a shop's orders can still change over there?
create index orders_alive_of_shop on orders (merchant_id, shop_id, order_id) where standing not in ('completed', 'canceled');
-- which units left without having been promised?
create index movements_shipped_unpromised on movements (merchant_id, movement_id) where from_bucket = 'outside' and cause = 'ship';

-- how often everything is audited, and after how many days a parcel that does not come back is a difference
alter table merchants add column audit_every_hours bigint not null default 24;
alter table merchants add column parcel_lost_days bigint not null default 30;

-- where a shop's canceled units go, before the rules of its platform's policy
create table shop_stock_rules (
    merchant_id text not null,
    shop_id text not null,
    position bigint not null, -- the first rule that fits counts
    initiator text, -- null: whoever cancels
    reason text, -- null: whatever the reason
    stage text, -- null: however far the goods are
    warehouse text, -- the third-party warehouse's answer; null: whatever it is
    goes_to text not null,
    primary key (merchant_id, shop_id, position),
    foreign key (merchant_id, shop_id) references shops (merchant_id, shop_id)
);
