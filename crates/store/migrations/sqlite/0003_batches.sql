-- Many cancels as one act.

create table batches (
    merchant_id text not null references merchants (merchant_id),
    batch_id text not null, -- sorts by time
    course text not null,
    reasons text not null, -- JSON: platform and reason
    merchant_skus text not null, -- JSON list: the products that reasons speak of
    ceiling text, -- a percentage, or next_threshold
    orders bigint not null,
    actor text not null,
    user_id text not null,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (merchant_id, batch_id)
);

-- what each order of a batch came to: its mark, and then its cancellation
create table batch_orders (
    merchant_id text not null,
    batch_id text not null,
    order_id text not null,
    shop_id text not null,
    mark text not null,
    cancellation_id text,
    message text,
    primary key (merchant_id, batch_id, order_id),
    foreign key (merchant_id, batch_id) references batches (merchant_id, batch_id),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id)
);

-- which orders of this shop wait for their turn?
create index batch_orders_of_shop on batch_orders (merchant_id, batch_id, shop_id, mark, order_id);
-- to which batch does this cancellation belong?
create index batch_orders_of_cancellation on batch_orders (merchant_id, cancellation_id);

-- how many of this shop's orders of the last days were canceled?
create index orders_of_shop_by_ordered_at on orders (merchant_id, shop_id, ordered_at);
