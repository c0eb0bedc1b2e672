-- the cancel of chosen items that a repack or pack belongs to: undo the parcel, cancel, pack the rest again
alter table shipments add column cancellation_id text;

-- which repack does this cancel wait for?
create index shipments_of_cancellation on shipments (merchant_id, cancellation_id) where cancellation_id is not null;
