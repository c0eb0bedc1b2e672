-- units of a shipped-after-cancel case that were in no bucket, by line (ADR 16)
create table unexplained_units (
    merchant_id text not null,
    order_id text not null,
    line_id text not null,
    warehouse_id text not null, -- where the line was packed
    merchant_sku text not null,
    units bigint not null,
    primary key (merchant_id, order_id, line_id),
    foreign key (merchant_id, order_id) references cases (merchant_id, order_id)
);

-- Of a case with one line it is known whose units they were.
insert into unexplained_units (merchant_id, order_id, line_id, warehouse_id, merchant_sku, units)
    select c.merchant_id, c.order_id, l.line_id, l.warehouse_id, l.merchant_sku, c.unexplained from cases c
    join lines l on l.merchant_id = c.merchant_id and l.order_id = c.order_id
    where c.unexplained > 0 and (select count(*) from lines o where o.merchant_id = c.merchant_id and o.order_id = c.order_id) = 1;

-- when somebody counted last; a count that finds what was thought moves nothing
alter table balances add column counted_at bigint not null default 0;
update balances set counted_at = coalesce((select max(m.at) from movements m where m.merchant_id = balances.merchant_id
    and m.warehouse_id = balances.warehouse_id and m.merchant_sku = balances.merchant_sku and m.cause = 'count'), 0);
