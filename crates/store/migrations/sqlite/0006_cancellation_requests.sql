-- buyers' cancellation requests, as reads of their orders found them
create table cancellation_requests (
    merchant_id text not null,
    request_id text not null, -- sorts by the time it was found
    order_id text not null,
    shop_id text not null,
    number text not null, -- the platform's own id of it; empty where it has none
    state text not null,
    lines text not null, -- the ids of the lines it asks to cancel
    buyer_reason text,
    restock boolean, -- whether the platform thinks that the goods can be sold again
    asked_at bigint not null, -- platform's clock
    deadline bigint not null, -- platform's clock
    deadline_source text not null,
    on_silence text not null,
    list_before text not null, -- where the order stood before the buyer asked
    seen_at bigint not null, -- the platform's update time of the order when it was last read with this request
    answer text, -- agree or reject, once one was given here
    answer_reason text, -- the platform's value of the reason to reject with
    answer_id text, -- the cancellation that carries the answer out
    decided_by text,
    message text, -- why an answer did not take effect
    found_at bigint not null, -- real clock, like those that follow
    settled_at bigint,
    updated_at bigint not null,
    primary key (merchant_id, request_id),
    foreign key (merchant_id, order_id) references orders (merchant_id, order_id),
    foreign key (merchant_id, answer_id) references cancellations (merchant_id, cancellation_id)
);

-- one row per request that waits
create unique index cancellation_requests_one_live on cancellation_requests (merchant_id, order_id, number) where state in ('open', 'answering');
-- which requests are in this state, by the time left?
create index cancellation_requests_by_deadline on cancellation_requests (merchant_id, state, deadline, request_id);
-- which requests had this order?
create index cancellation_requests_of_order on cancellation_requests (merchant_id, order_id, request_id);
-- which request does this cancellation answer?
create index cancellation_requests_of_answer on cancellation_requests (merchant_id, answer_id);
-- which requests of this shop are overdue?
create index cancellation_requests_of_shop on cancellation_requests (merchant_id, shop_id, deadline) where state in ('open', 'answering');

-- the buyer's request that this cancellation answers; null: it is the seller's own
alter table cancellations add column request_id text;
