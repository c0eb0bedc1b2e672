-- What a third-party warehouse has of a line's goods: lines of one order may lie at several (ADR 13).

alter table lines add column goods text not null default 'free';

update lines set goods = (select o.goods from orders o where o.merchant_id = lines.merchant_id and o.order_id = lines.order_id)
where exists (
    select 1 from warehouse_orders w
    where w.merchant_id = lines.merchant_id and w.order_id = lines.order_id and w.warehouse_id = lines.warehouse_id
);
