//! What a list page shows, read from its address and written into its links.

use crate::http::query::{Query, cursor};
use crate::pages::times::Zone;
use crate::pages::{page_length, words};
use crate::problem::Problem;
use domain::ids::{OrderId, ShopId};
use domain::order::{List, Tab};
use domain::platform::Platform;
use jiff::civil::Date;
use store::order_lists::{Cursor, Filter, Sort, SortBy, TimeField};

/// The sorts that are offered.
pub(super) const SORTS: &[(Sort, &str)] = &[
    (Sort { by: SortBy::ShipBy, descending: false }, words::SORT_SHIP_BY),
    (Sort { by: SortBy::ShipBy, descending: true }, words::SORT_SHIP_BY_LATEST),
    (Sort { by: SortBy::OrderedAt, descending: true }, words::SORT_ORDERED_LATEST),
    (Sort { by: SortBy::OrderedAt, descending: false }, words::SORT_ORDERED),
    (Sort { by: SortBy::CanceledAt, descending: true }, words::SORT_CANCELED_LATEST),
    (Sort { by: SortBy::CanceledAt, descending: false }, words::SORT_CANCELED),
];

/// The times that a range can speak of, with their words in the address.
pub(super) const TIMES: &[(&str, TimeField, &str)] = &[
    ("ordered", TimeField::Ordered, words::TIME_ORDERED),
    ("ship_by", TimeField::ShipBy, words::TIME_SHIP_BY),
    ("canceled", TimeField::Canceled, words::TIME_CANCELED),
];

/// What a list page shows.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) list: Option<List>,
    pub(super) tab: Option<Tab>,
    pub(super) search: Option<String>,
    pub(super) shop: Option<ShopId>,
    pub(super) platform: Option<Platform>,
    pub(super) status: Option<String>,
    pub(super) time: TimeField,
    pub(super) from: Option<Date>,
    pub(super) to: Option<Date>,
    pub(super) sort: Sort,
    pub(super) limit: u32,
    pub(super) after: Option<Cursor>,
}

/// How a list is sorted unless told.
const fn usual_sort(list: Option<List>) -> Sort {
    match list {
        Some(List::New | List::InProcess | List::ToPickup | List::Voided | List::CancelRequested) => {
            Sort { by: SortBy::ShipBy, descending: false }
        }
        Some(List::Canceled) => Sort { by: SortBy::CanceledAt, descending: true },
        _ => Sort { by: SortBy::OrderedAt, descending: true },
    }
}

/// Which time a range speaks of unless told.
const fn usual_time(list: Option<List>) -> TimeField {
    match list {
        Some(List::Canceled) => TimeField::Canceled,
        _ => TimeField::Ordered,
    }
}

fn date(text: &str) -> Result<Date, &'static str> {
    text.parse().map_err(|_| "write a day such as 2026-11-23")
}

impl View {
    /// Reads it from the address.
    ///
    /// # Errors
    /// 400 for a word that is none.
    pub(super) fn read(query: &Query) -> Result<Self, Problem> {
        let list =
            query.read("list", |word| if word == "all" { Ok(None) } else { List::parse(word).map(Some) })?.flatten();
        let time = |word: &str| {
            let found = TIMES.iter().find(|(known, ..)| *known == word);
            found.map(|(_, field, _)| *field).ok_or("write ordered, ship_by or canceled")
        };
        let sort = query.read("sort", |word| Sort::parse(word).ok_or("choose one of the offered sorts"))?;
        let sort = sort.unwrap_or(usual_sort(list));
        // A cursor of another sort would start the page anywhere.
        let after = query.after::<3>()?.and_then(|[of, key, id]| {
            let id = OrderId::parse(id).ok()?;
            (of == sort.as_str()).then_some(Cursor { key: key.parse().ok()?, id })
        });
        Ok(Self {
            list,
            tab: query.read("tab", Tab::parse)?,
            search: query.one("q")?.map(str::to_owned),
            shop: query.read("shop", |word| ShopId::parse(word))?,
            platform: query.read("platform", Platform::parse)?,
            status: query.one("status")?.map(str::to_owned),
            time: query.read("time", time)?.unwrap_or(usual_time(list)),
            from: query.read("from", date)?,
            to: query.read("to", date)?,
            sort,
            limit: query.limit()?,
            after,
        })
    }

    /// The same for the store, narrowed to the shops that the reader may see.
    pub(super) fn filter(&self, seen: Option<&[ShopId]>, zone: Zone) -> Filter {
        let shops = match (&self.shop, seen) {
            (Some(shop), Some(seen)) if !seen.contains(shop) => Some(Vec::new()),
            (Some(shop), _) => Some(vec![shop.clone()]),
            (None, seen) => seen.map(<[ShopId]>::to_vec),
        };
        Filter {
            list: self.list,
            tab: self.tab,
            platform: self.platform,
            shops,
            status: self.status.clone(),
            search: self.search.clone(),
            time: zone.days(self.from, self.to).map(|(from, to)| (self.time, from, to)),
            ..Filter::default()
        }
    }

    /// Whether anything but list and tab narrows it.
    pub(super) fn is_filtered(&self) -> bool {
        self.search.is_some()
            || self.shop.is_some()
            || self.platform.is_some()
            || self.status.is_some()
            || self.from.is_some()
            || self.to.is_some()
    }

    fn address(&self, after: Option<&Cursor>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let mut add = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        };
        add("list", self.list.map(List::as_str));
        add("tab", self.tab.map(Tab::as_str));
        add("q", self.search.as_deref());
        add("shop", self.shop.as_ref().map(ShopId::as_str));
        add("platform", self.platform.map(Platform::as_str));
        add("status", self.status.as_deref());
        let ranged = self.from.is_some() || self.to.is_some();
        let time = TIMES.iter().find(|(_, field, _)| *field == self.time).map(|(word, ..)| *word);
        add("time", time.filter(|_| ranged));
        add("from", self.from.map(|day| day.to_string()).as_deref());
        add("to", self.to.map(|day| day.to_string()).as_deref());
        add("sort", (self.sort != usual_sort(self.list)).then_some(self.sort.as_str()));
        add("limit", page_length::in_links(self.limit).as_deref());
        let after = after.map(|after| cursor(&[self.sort.as_str(), &after.key.to_string(), after.id.as_str()]));
        add("cursor", after.as_deref());
        let query = query.finish();
        if query.is_empty() { "/orders".to_owned() } else { format!("/orders?{query}") }
    }

    /// The address of this page.
    pub(super) fn here(&self) -> String {
        self.address(self.after.as_ref())
    }

    /// The address of the page that begins behind this order.
    pub(super) fn next(&self, after: &Cursor) -> String {
        self.address(Some(after))
    }

    /// The address of the first page.
    pub(super) fn first(&self) -> String {
        self.address(None)
    }

    /// The query of the first page: what matches on all of them.
    pub(super) fn matching(&self) -> String {
        self.first().split_once('?').map_or_else(String::new, |(_, query)| query.to_owned())
    }

    /// The address of another tab with the same filters.
    pub(super) fn at_tab(&self, tab: Option<Tab>) -> String {
        Self { tab, ..self.clone() }.address(None)
    }

    /// The address without filters.
    pub(super) fn cleared(&self) -> String {
        let (time, sort, limit) = (usual_time(self.list), self.sort, self.limit);
        let cleared = Self {
            list: self.list,
            tab: self.tab,
            search: None,
            shop: None,
            platform: None,
            status: None,
            time,
            from: None,
            to: None,
            sort,
            limit,
            after: None,
        };
        cleared.address(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(query: &str) -> View {
        View::read(&Query::parse(query).expect("a query")).expect("a view")
    }

    #[test]
    fn an_address_comes_back_as_it_was_read() {
        for query in [
            "list=new",
            "list=new&tab=to_pack&q=2409%2F1+a&shop=shp_1&platform=shopee&status=READY_TO_SHIP",
            "list=canceled&time=ship_by&from=2026-11-01&to=2026-11-23&sort=-ordered_at&limit=200",
        ] {
            assert_eq!(view(query).here(), format!("/orders?{query}"));
        }
        assert_eq!(view("list=all").here(), "/orders");
        assert_eq!(view("list=new&sort=ship_by&limit=50").here(), "/orders?list=new");
    }

    #[test]
    fn a_cursor_of_another_sort_is_not_followed() {
        let after = Cursor { key: 5, id: OrderId::parse("ord_1").expect("an id") };
        let next = view("list=new").next(&after);
        let query = next.split_once('?').expect("a query").1;
        assert_eq!(view(query).after, Some(after));
        assert_eq!(view(&format!("{query}&sort=-ordered_at")).after, None);
    }

    #[test]
    fn a_shop_that_is_not_seen_shows_nothing() {
        let seen = [ShopId::parse("shp_1").expect("an id")];
        let shops = |query: &str| view(query).filter(Some(&seen), Zone::UTC).shops;
        assert_eq!(shops("shop=shp_2"), Some(Vec::new()));
        assert_eq!(shops("shop=shp_1"), Some(seen.to_vec()));
        assert_eq!(shops("list=new"), Some(seen.to_vec()));
        assert_eq!(view("list=new").filter(None, Zone::UTC).shops, None);
    }
}
