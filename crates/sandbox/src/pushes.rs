//! Pushes to the seller's software: a persisted queue, retries in virtual time, and what was lost.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::faults::{Faults, Kind};
use crate::persistence::{Changes, Unreadable};
use crate::world::Shared;

/// Pushes under way at once.
const MOST_AT_ONCE: usize = 16;
/// Pushes that wait; beyond it the oldest is given up and listed as lost.
const MOST_WAITING: usize = 100_000;
/// Lost pushes kept for each marketplace.
const MOST_LOST: usize = 100_000;
/// How long a reordered push is held back, in virtual milliseconds.
const HELD_BACK_MS: i64 = 2_000;
/// How often the sender looks for passed deadlines when nothing else wakes it.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How a marketplace delivers its pushes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PushRules {
    /// Seconds from each failure to the next attempt; after the last the push is lost.
    pub(crate) retry_after: &'static [i64],
    /// The answer must be there within.
    pub(crate) answer_within: Duration,
    /// An answer with a body is a failure.
    pub(crate) empty_body: bool,
}

/// A push that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Push {
    id: u64,
    platform: String,
    /// The app or shop that lost pushes are listed for.
    account: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    attempt: usize,
    /// Virtual time of the next attempt, in milliseconds.
    due: i64,
}

/// A push that nobody took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LostPush {
    /// Its number, rising.
    pub(crate) id: u64,
    /// When it was given up, in virtual milliseconds.
    pub(crate) at: i64,
    /// The marketplace.
    pub(crate) platform: String,
    /// The app or shop.
    pub(crate) account: String,
    /// The body, as it was sent.
    pub(crate) body: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Target(String, Option<String>),
    Waiting(Box<Push>),
    Gone(u64),
    Lost(LostPush),
    Consumed(String, u64),
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct PushQueue {
    targets: BTreeMap<String, String>,
    waiting: BTreeMap<u64, Push>,
    due: BTreeMap<(i64, u64), ()>,
    lost: VecDeque<LostPush>,
    next_id: u64,
    sent: u64,
    changes: Vec<Record>,
}

impl PushQueue {
    /// Where a marketplace sends its pushes.
    pub(crate) fn target(&self, platform: &str) -> Option<&str> {
        self.targets.get(platform).map(String::as_str)
    }

    /// Sets or, with `None`, removes the address.
    pub(crate) fn set_target(&mut self, platform: &str, url: Option<String>) {
        match &url {
            Some(url) => self.targets.insert(platform.to_owned(), url.clone()),
            None => self.targets.remove(platform),
        };
        self.changes.push(Record::Target(platform.to_owned(), url));
    }

    /// Queues a push to the marketplace's address, unless a fault swallows it.
    pub(crate) fn send(
        &mut self,
        platform: &str,
        account: &str,
        headers: Vec<(String, String)>,
        body: String,
        now_ms: i64,
        fault: Option<Kind>,
    ) {
        let Some(url) = self.targets.get(platform).cloned() else { return };
        let (copies, due) = match fault {
            Some(Kind::DroppedPush) => return,
            Some(Kind::DuplicatePush) => (2, now_ms),
            Some(Kind::ReorderedPush) => (1, now_ms + HELD_BACK_MS),
            _ => (1, now_ms),
        };
        for _ in 0..copies {
            self.next_id += 1;
            self.put(Push {
                id: self.next_id,
                platform: platform.to_owned(),
                account: account.to_owned(),
                url: url.clone(),
                headers: headers.clone(),
                body: body.clone(),
                attempt: 0,
                due,
            });
        }
        while self.waiting.len() > MOST_WAITING {
            let Some(oldest) = self.waiting.keys().next().copied() else { break };
            self.give_up(oldest, now_ms);
        }
    }

    fn put(&mut self, push: Push) {
        self.due.insert((push.due, push.id), ());
        self.changes.push(Record::Waiting(Box::new(push.clone())));
        self.waiting.insert(push.id, push);
    }

    fn remove(&mut self, id: u64) -> Option<Push> {
        let push = self.waiting.remove(&id)?;
        self.due.remove(&(push.due, id));
        self.changes.push(Record::Gone(id));
        Some(push)
    }

    fn give_up(&mut self, id: u64, now_ms: i64) {
        let Some(push) = self.remove(id) else { return };
        self.next_id += 1;
        let lost =
            LostPush { id: self.next_id, at: now_ms, platform: push.platform, account: push.account, body: push.body };
        self.changes.push(Record::Lost(lost.clone()));
        self.keep_lost(lost);
    }

    fn keep_lost(&mut self, lost: LostPush) {
        self.lost.push_back(lost);
        if self.lost.len() > MOST_LOST {
            self.lost.pop_front();
        }
    }

    /// Takes those out whose time has come; they stay in `waiting` until their outcome is known.
    fn take_due(&mut self, now_ms: i64, most: usize) -> Vec<Push> {
        let ids: Vec<(i64, u64)> = self.due.range(..=(now_ms, u64::MAX)).take(most).map(|(key, ())| *key).collect();
        ids.into_iter()
            .filter_map(|key| {
                self.due.remove(&key);
                self.waiting.get(&key.1).cloned()
            })
            .collect()
    }

    fn outcome(&mut self, push: &Push, taken: bool, rules: PushRules, now_ms: i64) {
        if taken {
            self.sent += 1;
            self.remove(push.id);
            return;
        }
        match rules.retry_after.get(push.attempt) {
            Some(seconds) => {
                if self.waiting.contains_key(&push.id) {
                    self.put(Push { attempt: push.attempt + 1, due: now_ms + seconds * 1_000, ..push.clone() });
                }
            }
            None => self.give_up(push.id, now_ms),
        }
    }

    /// Brings every waiting push forward to now: `POST /pushes/resend`.
    pub(crate) fn resend(&mut self, platform: &str, now_ms: i64) -> usize {
        let ids: Vec<(i64, u64)> = self
            .due
            .keys()
            .copied()
            .filter(|(_, id)| self.waiting.get(id).is_some_and(|push| push.platform == platform))
            .collect();
        for key in &ids {
            self.due.remove(key);
            if let Some(push) = self.waiting.get_mut(&key.1) {
                push.due = now_ms;
                self.due.insert((now_ms, key.1), ());
                self.changes.push(Record::Waiting(Box::new(push.clone())));
            }
        }
        ids.len()
    }

    /// The lost pushes of an account that nobody confirmed and that are young enough, oldest first.
    pub(crate) fn lost(&self, platform: &str, account: &str, not_before_ms: i64) -> impl Iterator<Item = &LostPush> {
        self.lost
            .iter()
            .filter(move |lost| lost.platform == platform && lost.account == account && lost.at >= not_before_ms)
    }

    /// Forgets the lost pushes of a marketplace's account up to a number.
    pub(crate) fn confirm_lost(&mut self, platform: &str, account: &str, up_to: u64) -> bool {
        let before = self.lost.len();
        self.lost.retain(|lost| lost.platform != platform || lost.account != account || lost.id > up_to);
        self.changes.push(Record::Consumed(format!("{platform} {account}"), up_to));
        self.lost.len() < before
    }

    /// Numbers for `GET /pushes`.
    pub(crate) fn counts(&self) -> Value {
        serde_json::json!({"waiting": self.waiting.len(), "lost": self.lost.len(), "delivered": self.sent})
    }

    /// Writes down what changed.
    pub(crate) fn record_changes(&mut self, changes: &mut Changes<'_>) {
        for record in self.changes.drain(..) {
            changes.put("pushes", &record);
        }
    }

    /// Marks everything as changed.
    pub(crate) fn record_everything(&mut self) {
        self.changes.clear();
        self.changes
            .extend(self.targets.iter().map(|(platform, url)| Record::Target(platform.clone(), Some(url.clone()))));
        self.changes.extend(self.waiting.values().map(|push| Record::Waiting(Box::new(push.clone()))));
        self.changes.extend(self.lost.iter().cloned().map(Record::Lost));
    }

    /// Takes over a record of an earlier process.
    pub(crate) fn restore(&mut self, record: &str) -> Result<(), Unreadable> {
        match serde_json::from_str(record)? {
            Record::Target(platform, Some(url)) => {
                self.targets.insert(platform, url);
            }
            Record::Target(platform, None) => {
                self.targets.remove(&platform);
            }
            Record::Waiting(push) => {
                self.next_id = self.next_id.max(push.id);
                if let Some(before) = self.waiting.get(&push.id) {
                    self.due.remove(&(before.due, push.id));
                }
                self.due.insert((push.due, push.id), ());
                self.waiting.insert(push.id, *push);
            }
            Record::Gone(id) => {
                self.remove(id);
                self.changes.clear();
            }
            Record::Lost(lost) => {
                self.next_id = self.next_id.max(lost.id);
                self.keep_lost(lost);
            }
            Record::Consumed(whose, up_to) => {
                self.lost.retain(|lost| format!("{} {}", lost.platform, lost.account) != whose || lost.id > up_to);
            }
        }
        Ok(())
    }
}

/// The fault that a push meets.
pub(crate) fn fault(faults: Option<&mut Faults>) -> Option<Kind> {
    faults.and_then(Faults::for_push)
}

/// Sends what is due, until the sandbox ends.
pub(crate) async fn send_due(shared: Arc<Shared>) {
    let client = match reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "no HTTP client: pushes are not sent");
            return;
        }
    };
    let room = Arc::new(Semaphore::new(MOST_AT_ONCE));
    loop {
        let due = {
            let mut world = shared.lock();
            world.pass_time();
            let now_ms = world.clock.now_ms();
            world.pushes.take_due(now_ms, room.available_permits())
        };
        if due.is_empty() {
            tokio::select! {
                () = shared.pushes_wait.notified() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
            continue;
        }
        for push in due {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            let (client, shared) = (client.clone(), Arc::clone(&shared));
            tokio::spawn(async move {
                let Some(rules) = shared.lock().push_rules(&push.platform) else { return };
                let taken = deliver(&client, &push, rules).await;
                let mut world = shared.lock();
                let now_ms = world.clock.now_ms();
                world.pushes.outcome(&push, taken, rules, now_ms);
                world.commit();
                drop(world);
                drop(permit);
                shared.pushes_wait.notify_one();
            });
        }
    }
}

async fn deliver(client: &reqwest::Client, push: &Push, rules: PushRules) -> bool {
    let mut request = client.post(&push.url).timeout(rules.answer_within).body(push.body.clone());
    for (name, value) in &push.headers {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(answer) => {
            let fine = answer.status().is_success();
            fine && (!rules.empty_body || answer.bytes().await.is_ok_and(|body| body.is_empty()))
        }
        Err(error) => {
            tracing::debug!(%error, "a push was not taken");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: PushRules =
        PushRules { retry_after: &[300, 1_800], answer_within: Duration::from_secs(3), empty_body: true };

    fn queue() -> PushQueue {
        let mut queue = PushQueue::default();
        queue.set_target("shopee", Some("http://127.0.0.1:1/".to_owned()));
        queue
    }

    fn send(queue: &mut PushQueue, fault: Option<Kind>) {
        queue.send("shopee", "1", Vec::new(), "{}".to_owned(), 0, fault);
    }

    #[test]
    fn a_push_that_is_not_taken_comes_again_and_is_lost_in_the_end() {
        let mut queue = queue();
        send(&mut queue, None);
        let push = queue.take_due(0, 9).pop().unwrap();
        queue.outcome(&push, false, RULES, 0);
        assert!(queue.take_due(299_999, 9).is_empty());
        let push = queue.take_due(300_000, 9).pop().unwrap();
        queue.outcome(&push, false, RULES, 300_000);
        let push = queue.take_due(2_100_000, 9).pop().unwrap();
        queue.outcome(&push, false, RULES, 2_100_000);
        assert!(queue.waiting.is_empty());
        let lost: Vec<u64> = queue.lost("shopee", "1", 0).map(|lost| lost.id).collect();
        assert_eq!(lost.len(), 1);
        queue.confirm_lost("shopee", "1", lost[0]);
        assert_eq!(queue.lost("shopee", "1", 0).count(), 0);
    }

    #[test]
    fn a_push_that_is_taken_is_gone() {
        let mut queue = queue();
        send(&mut queue, None);
        let push = queue.take_due(0, 9).pop().unwrap();
        queue.outcome(&push, true, RULES, 0);
        assert!(queue.waiting.is_empty() && queue.due.is_empty());
    }

    #[test]
    fn faults_double_hold_back_and_swallow_pushes() {
        let mut queue = queue();
        send(&mut queue, Some(Kind::DuplicatePush));
        assert_eq!(queue.take_due(0, 9).len(), 2);
        send(&mut queue, Some(Kind::ReorderedPush));
        send(&mut queue, None);
        let first = queue.take_due(0, 9).pop().unwrap();
        let second = queue.take_due(HELD_BACK_MS, 9).pop().unwrap();
        assert!(second.id < first.id);
        let waiting = queue.waiting.len();
        send(&mut queue, Some(Kind::DroppedPush));
        assert_eq!(queue.waiting.len(), waiting);
    }

    #[test]
    fn nothing_waits_where_nobody_wants_pushes() {
        let mut queue = PushQueue::default();
        send(&mut queue, None);
        assert!(queue.waiting.is_empty());
    }

    #[test]
    fn a_restarted_queue_goes_on() {
        let mut queue = queue();
        send(&mut queue, None);
        send(&mut queue, None);
        let push = queue.take_due(0, 1).pop().unwrap();
        queue.outcome(&push, true, RULES, 0);
        let mut restarted = PushQueue::default();
        for record in queue.changes.drain(..) {
            restarted.restore(&serde_json::to_string(&record).unwrap()).unwrap();
        }
        assert_eq!(restarted.take_due(0, 9).len(), 1);
        assert_eq!(restarted.target("shopee"), Some("http://127.0.0.1:1/"));
    }
}
