//! Counters, written as Prometheus text. Labels are words of ours, never ids, names or secrets.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What each counter counts.
const HELP: [(&str, &str); 9] = [
    ("countermand_call_seconds_count", "Calls to platforms that ended."),
    ("countermand_call_seconds_sum", "Seconds that calls to platforms took."),
    ("countermand_calls_total", "Calls to platforms by outcome."),
    ("countermand_http_request_seconds_count", "Requests answered."),
    ("countermand_http_request_seconds_sum", "Seconds that requests took."),
    ("countermand_http_requests_total", "Requests by method and status."),
    ("countermand_sign_ins_total", "Sign-ins by outcome."),
    ("countermand_webhooks_total", "Pushes by outcome."),
    ("countermand_worker_errors_total", "Ticks that failed, by kind of job."),
];

/// The counters of this process.
#[derive(Debug, Default)]
pub struct Metrics {
    counters: Mutex<BTreeMap<(&'static str, String), f64>>,
}

impl Metrics {
    /// Counts one more.
    pub fn count(&self, name: &'static str, labels: &[(&str, &str)]) {
        self.add(name, labels, 1.0);
    }

    /// Adds a duration to the sum and the count of `name`, which ends in `_seconds`.
    pub fn took(&self, sum: &'static str, count: &'static str, took: Duration) {
        self.add(sum, &[], took.as_secs_f64());
        self.add(count, &[], 1.0);
    }

    fn add(&self, name: &'static str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        *counters.entry((name, labels.join(","))).or_default() += value;
    }

    /// All counters as Prometheus text, followed by `gauges`: name, help, label text, value.
    #[must_use]
    pub fn text(&self, gauges: &[(&str, &str, String, i64)]) -> String {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (name, help) in HELP {
            let rows: Vec<_> = counters.iter().filter(|((counted, _), _)| *counted == name).collect();
            // Writing into a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
            for ((_, labels), value) in rows {
                let _ = writeln!(text, "{name}{} {value}", braced(labels));
            }
        }
        let mut described = "";
        for (name, help, labels, value) in gauges {
            if *name != described {
                let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
                described = name;
            }
            let _ = writeln!(text, "{name}{} {value}", braced(labels));
        }
        text
    }
}

fn braced(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

/// Resident memory of this process in bytes, where the system tells.
#[must_use]
pub fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_gauges_are_prometheus_text() {
        let metrics = Metrics::default();
        metrics.count("countermand_webhooks_total", &[("outcome", "taken")]);
        metrics.count("countermand_webhooks_total", &[("outcome", "taken")]);
        let text = metrics.text(&[("countermand_jobs_waiting", "Jobs.", "kind=\"sweep\"".to_owned(), 3)]);
        assert!(text.contains("countermand_webhooks_total{outcome=\"taken\"} 2\n"), "{text}");
        assert!(text.contains("# TYPE countermand_jobs_waiting gauge\ncountermand_jobs_waiting{kind=\"sweep\"} 3\n"));
    }
}
