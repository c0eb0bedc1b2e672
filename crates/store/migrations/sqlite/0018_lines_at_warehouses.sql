-- The audit compares what lies at third-party warehouses with what they tell (ADR 20).

-- which lines of a SKU have goods at a warehouse, or had them last?
create index lines_at_warehouses on lines (merchant_id, warehouse_id, merchant_sku) where goods <> 'free';
