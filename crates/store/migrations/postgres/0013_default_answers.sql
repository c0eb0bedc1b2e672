-- what a shop answers by itself before a buyer's request runs out of time
create table default_answers (
    merchant_id text not null,
    shop_id text not null,
    switched_on boolean not null,
    before_ms bigint not null, -- how long before the deadline
    rules text not null, -- a JSON list, judged from the first on
    updated_at bigint not null,
    primary key (merchant_id, shop_id),
    foreign key (merchant_id, shop_id) references shops (merchant_id, shop_id)
);

-- how far the goods were when the request was found; null: it was found before this was noted
alter table cancellation_requests add column stage text;
-- the rules left it to a person, and the log says so
alter table cancellation_requests add column left_to_person boolean not null default false;

-- which requests were found in this shop, newest first?
create index cancellation_requests_found on cancellation_requests (merchant_id, shop_id, found_at);
