-- Which statuses did canceled orders have before? Asked for by the filter of Canceled Orders, on every page.
create index orders_canceled_by_status_before on orders (merchant_id, status_before) where list = 'canceled' and status_before is not null;
