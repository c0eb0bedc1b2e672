-- where a third-party warehouse is told that parcels go, where the marketplace hides the buyer's address; null: what the order
-- says (ADR 13)
alter table warehouse_accounts add column told_address text;
alter table warehouse_accounts add column told_city text;
alter table warehouse_accounts add column told_province text;
alter table warehouse_accounts add column told_postal_code text;
