-- Cancels of chosen lines: what each means, what became of each line, and what the platform says of a line by itself.

alter table lines add column platform_status text not null default ''; -- the line's own word; empty where lines have none
alter table lines add column stage text; -- null: the order's stage counts
alter table lines add column package_number text; -- null: not known of a line
alter table lines add column canceled_by text;

alter table cancellations add column scope text not null default 'order';
alter table cancellations add column side_effects text not null default '[]'; -- JSON: lines that the platform cancelled beside, and units

alter table attempts add column lines text; -- JSON: lines, units sent and units cancelled before; null: the whole order
