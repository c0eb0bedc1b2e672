//! `countermand doctor`: looks at everything that has to be right, and says what to do where it is not.

use super::desk::DATA;
use super::{Called, Failure, print_line};
use crate::clock::{now, rfc3339};
use crate::data_folder::DataFolder;
use crate::metrics::Metrics;
use crate::network::HttpNetwork;
use crate::public_address;
use crate::settings::Settings;
use domain::ids::MerchantId;
use domain::time::{Moment, Span};
use engine::Network as _;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use store::shops::{self, ShopRecord};
use store::{Session, Store, jobs, people};

/// A larger difference to a platform's clock is reported; signatures are refused from some minutes on.
const SKEW_MAX: Span = Span::from_seconds(60);
/// How long a platform may take to answer.
const PATIENCE: Span = Span::from_seconds(10);
/// Jobs that are due for longer than this tell of missing workers.
const OVERDUE: Span = Span::from_seconds(60);
/// What helps where the seller's consent is missing.
const AUTHORISE_AGAIN: &str = "press “Authorise again” on the Shops page";
/// The longest span between today and an authorisation's end at which it is reported.
const TOKEN_ENDS_SOON: Span = Span::from_seconds(3 * 86_400);

struct Finding {
    check: String,
    ok: bool,
    detail: String,
    remedy: String,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, check: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Finding { check: check.into(), ok: true, detail: detail.into(), remedy: String::new() });
    }

    fn bad(&mut self, check: impl Into<String>, detail: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { check: check.into(), ok: false, detail: detail.into(), remedy: remedy.into() });
    }
}

pub(super) async fn run(called: &Called) -> Result<(), Failure> {
    let settings = called.sources.settings(Path::new(DATA))?;
    let mut findings = Findings::default();
    findings.good("settings", format!("read; {} policies", settings.policies.len()));
    if let Some(store) = database(&settings, &mut findings).await {
        let looked = async {
            let mut session = store.read().await?;
            people_and_jobs(&mut session, &mut findings).await?;
            for merchant in shops::merchants(&mut session).await? {
                address_of(&store, &mut session, &merchant, &mut findings).await?;
                match store.shops(&mut session, &merchant).await {
                    Ok(shops) => {
                        for shop in shops {
                            look_at(&settings, &shop, &mut findings).await?;
                        }
                    }
                    Err(error) => {
                        let remedy =
                            "set COUNTERMAND_KEY or the data folder's key file to the key they were sealed with";
                        findings.bad(format!("credentials of {merchant}"), error.to_string(), remedy);
                    }
                }
            }
            Ok::<(), Failure>(())
        };
        looked.await?;
    }
    let wrong = findings.0.iter().filter(|finding| !finding.ok).count();
    if called.json {
        let values: Vec<_> = findings
            .0
            .iter()
            .map(|it| json!({"check": it.check, "ok": it.ok, "detail": it.detail, "remedy": it.remedy}))
            .collect();
        print_line(&json!({"ok": wrong == 0, "checks": values}).to_string());
    } else {
        for finding in &findings.0 {
            let sign = if finding.ok { "ok   " } else { "WRONG" };
            print_line(&format!("{sign}  {}: {}", finding.check, finding.detail));
            if !finding.ok {
                print_line(&format!("       do: {}", finding.remedy));
            }
        }
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Failure::new("1 thing is wrong")),
        more => Err(Failure::new(format!("{more} things are wrong"))),
    }
}

async fn database(settings: &Settings, findings: &mut Findings) -> Option<Store> {
    let opened = async {
        let folder = DataFolder::open(&settings.data)?;
        if let Some(path) = settings.database.strip_prefix("sqlite:")
            && !Path::new(path).exists()
        {
            return Err(Failure::new(format!("{path} is not there yet")));
        }
        let key = folder.key(settings.key.as_deref())?;
        Ok::<_, Failure>(Store::open(&settings.database, key, settings.durability).await?)
    };
    match opened.await {
        Ok(store) => {
            let answered = async {
                let mut session = store.read().await?;
                shops::merchants(&mut session).await
            };
            match answered.await {
                Ok(_) => {
                    findings.good("database", format!("{:?} answers", store.engine()));
                    return Some(store);
                }
                Err(error) => findings.bad("database", error.to_string(), "run “countermand migrate”"),
            }
        }
        Err(Failure(lines)) => {
            let remedy = "check --database and --data, and run “countermand migrate”";
            findings.bad("database", lines.join(" "), remedy);
        }
    }
    None
}

async fn people_and_jobs(session: &mut Session, findings: &mut Findings) -> Result<(), Failure> {
    if people::any(session).await? {
        findings.good("users", "somebody can sign in");
    } else {
        findings.bad("users", "nobody can sign in", "run “countermand user add --email YOU@example.com --role owner”");
    }
    let late = jobs::next_wake(session).await?.map(|at| now().since(at)).filter(|late| *late > OVERDUE);
    match late {
        None => findings.good("workers", "nothing is overdue"),
        Some(late) => {
            let detail = format!("work is overdue by {} s", late.seconds());
            findings.bad("workers", detail, "start “countermand serve”, or one more with --role worker");
        }
    }
    Ok(())
}

/// Sends a test push to the address that a person gave: it has to arrive at a server of this installation.
async fn address_of(
    store: &Store,
    session: &mut Session,
    merchant: &MerchantId,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let check = format!("public address of {merchant}");
    let Some(address) = store::public_address::of(session, merchant).await? else {
        findings.good(check, "none is given on the Shops page: shops are swept each minute");
        return Ok(());
    };
    let network = HttpNetwork::new(Arc::new(Metrics::default()))?;
    match public_address::test(store, &network, &address.url).await {
        Ok(()) => findings.good(check, format!("a test push to {} arrived", address.url)),
        Err(problem) => findings.bad(check, problem, "start the server, or correct the address on the Shops page"),
    }
    Ok(())
}

async fn look_at(settings: &Settings, shop: &ShopRecord, findings: &mut Findings) -> Result<(), Failure> {
    let name = format!("{} {}", shop.platform.title(), shop.name);
    if !shop.connected {
        findings.good(name, "disconnected by a person; nothing is asked");
        return Ok(());
    }
    match (&shop.alert, shop.authorised) {
        (None, true) => {}
        (alert, _) => {
            let detail = alert.clone().unwrap_or_else(|| "not authorised".to_owned());
            findings.bad(format!("{name}: authorisation"), detail, AUTHORISE_AGAIN);
        }
    }
    if !shop.platform.is_marketplace() {
        return Ok(());
    }
    match connectors::open(shop.platform, &shop.address, &shop.credentials, &settings.policies) {
        Ok(connector) => {
            let ends = connector.access_ends();
            let detail = format!("the access token ends {}; it is renewed by itself", rfc3339(ends));
            // Renewed tokens last for hours: one that ended long ago was not renewed.
            if ends.plus(TOKEN_ENDS_SOON) < now() {
                let remedy = "start a worker, else press “Authorise again” on the Shops page";
                findings.bad(format!("{name}: tokens"), detail, remedy);
            } else {
                findings.good(format!("{name}: tokens"), detail);
            }
            if let Some(ends) = connector.refresh_ends() {
                let detail = format!("the authorisation ends {}", rfc3339(ends));
                if ends < now().plus(connector.policy().authorise_ahead) {
                    findings.bad(format!("{name}: authorisation's end"), detail, AUTHORISE_AGAIN);
                } else {
                    findings.good(format!("{name}: authorisation's end"), detail);
                }
            }
        }
        Err(error) => findings.bad(format!("{name}: credentials"), error.to_string(), "connect the shop again"),
    }
    let network = HttpNetwork::new(Arc::new(Metrics::default()))?;
    let request = ::http::Request::get(format!("{}/", shop.address.trim_end_matches('/'))).body(Vec::new());
    let request = request.map_err(|error| Failure::new(format!("{}: {error}", shop.address)))?;
    let asked = now();
    match network.send(request, PATIENCE).await {
        Ok(received) => {
            findings.good(format!("{name}: reachability"), format!("{} answers", shop.address));
            let date = received.headers.get("date").and_then(|date| date.to_str().ok()).and_then(read_date);
            match date.map(|date| skew(date, asked, now())) {
                None => findings.good(format!("{name}: clock"), "the platform does not say its time"),
                Some(skew) if skew <= SKEW_MAX => findings.good(format!("{name}: clock"), "agrees with the platform's"),
                Some(skew) => {
                    let detail = format!("{} s away from the platform's", skew.seconds());
                    findings.bad(format!("{name}: clock"), detail, "let this machine follow a time server (NTP)");
                }
            }
        }
        Err(error) => {
            let remedy = "check the address, the firewall and the proxy of this machine";
            findings.bad(format!("{name}: reachability"), format!("{}: {error}", shop.address), remedy);
        }
    }
    Ok(())
}

/// An HTTP date, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn read_date(text: &str) -> Option<Moment> {
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Moment::from_millis(date.timestamp().as_millisecond()))
}

/// How far a platform's clock is away, given when it was asked and when it had answered.
fn skew(theirs: Moment, asked: Moment, answered: Moment) -> Span {
    let early = asked.since(theirs);
    let late = theirs.since(answered);
    if early > late { early } else { late }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_http_date_is_read_and_its_skew_measured() {
        let date = read_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("a date");
        assert_eq!(date, Moment::from_seconds(784_111_777));
        let at = |seconds: i64| Moment::from_seconds(784_111_777 + seconds);
        assert_eq!(skew(date, at(-1), at(1)), Span::ZERO);
        assert_eq!(skew(date, at(100), at(101)), Span::from_seconds(100));
        assert_eq!(skew(date, at(-200), at(-199)), Span::from_seconds(199));
        assert_eq!(read_date("soon"), None);
    }
}
