//! Everything that the sandbox knows, under one lock: a call is one step, and steps do not overlap.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Notify;

use crate::calls::{Call, CallLog};
use crate::clock::Clock;
use crate::faults::Faults;
use crate::limits::Limits;
use crate::marketplace::{Marketplace, Moment, Refusal, ShopWish};
use crate::persistence::{Changes, Journal, Unreadable};
use crate::pushes::{PushQueue, PushRules};

/// The world, shared by all ports.
pub(crate) struct Shared {
    world: Mutex<World>,
    /// Wakes the sender of pushes.
    pub(crate) pushes_wait: Notify,
}

impl Shared {
    /// Puts a world behind its lock.
    pub(crate) fn new(world: World) -> Shared {
        Shared { world: Mutex::new(world), pushes_wait: Notify::new() }
    }

    /// One step at a time. A step that panicked left whole entities behind, so the next one may go on.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is remembered beside marketplaces, pushes and calls.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Settings {
    clock: Clock,
    accept_repeats: bool,
    ports: BTreeMap<String, u16>,
}

/// The state.
pub(crate) struct World {
    /// Virtual time.
    pub(crate) clock: Clock,
    /// Received calls.
    pub(crate) calls: CallLog,
    /// Faults by marketplace; gone after a restart.
    pub(crate) faults: HashMap<&'static str, Faults>,
    /// Rate limits; the defaults after a restart.
    pub(crate) limits: Limits,
    /// Pushes.
    pub(crate) pushes: PushQueue,
    marketplaces: Vec<Box<dyn Marketplace>>,
    journal: Option<Journal>,
    accept_repeats: bool,
    ports: BTreeMap<String, u16>,
    settings_changed: bool,
    changed_calls: Vec<Call>,
    /// The journal could not be written: nothing is answered any more.
    broken: bool,
}

impl World {
    /// A world with its marketplaces, going on from the data folder where there is one. Answers whether anything was
    /// there.
    pub(crate) fn open(marketplaces: Vec<Box<dyn Marketplace>>, data: Option<&Path>) -> io::Result<(World, bool)> {
        let mut world = World {
            clock: Clock::default(),
            calls: CallLog::default(),
            faults: HashMap::new(),
            limits: Limits::default(),
            pushes: PushQueue::default(),
            marketplaces,
            journal: None,
            accept_repeats: false,
            ports: BTreeMap::new(),
            settings_changed: true,
            changed_calls: Vec::new(),
            broken: false,
        };
        let Some(folder) = data else { return Ok((world, false)) };
        let (journal, found) = Journal::open(folder, |owner, record| world.restore(owner, record))?;
        world.journal = Some(journal);
        Ok((world, found))
    }

    fn restore(&mut self, owner: &str, record: &str) -> Result<(), Unreadable> {
        match owner {
            "settings" => {
                let settings: Settings = serde_json::from_str(record)?;
                self.clock = settings.clock;
                self.accept_repeats = settings.accept_repeats;
                self.ports = settings.ports;
            }
            "calls" => self.calls.keep(serde_json::from_str(record)?),
            "pushes" => self.pushes.restore(record)?,
            name => match self.marketplaces.iter_mut().find(|marketplace| marketplace.name() == name) {
                Some(marketplace) => marketplace.restore(record)?,
                None => return Err(Unreadable(format!("{name} is no marketplace of this version"))),
            },
        }
        Ok(())
    }

    /// The names of the marketplaces.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.marketplaces.iter().map(|marketplace| marketplace.name()).collect()
    }

    /// A marketplace by its name.
    pub(crate) fn marketplace(&self, name: &str) -> Result<&dyn Marketplace, Refusal> {
        self.marketplaces
            .iter()
            .find(|marketplace| marketplace.name() == name)
            .map(|marketplace| &**marketplace)
            .ok_or_else(|| self.no_such(name))
    }

    /// The marketplaces that a filter means: one, or all.
    pub(crate) fn chosen(&self, name: Option<&str>) -> Result<Vec<&dyn Marketplace>, Refusal> {
        match name {
            Some(name) => Ok(vec![self.marketplace(name)?]),
            None => Ok(self.marketplaces.iter().map(|marketplace| &**marketplace).collect()),
        }
    }

    fn no_such(&self, name: &str) -> Refusal {
        Refusal::unknown(format!("there is no marketplace {name:?} here, only {}", self.names().join(", ")))
    }

    /// Gives every marketplace its first shop.
    pub(crate) fn found_shops(&mut self, orders: u32) {
        for name in self.names() {
            let wish = ShopWish { platform: name.to_owned(), name: None, region: None, orders };
            let made = self.act(name, None, |marketplace, moment| marketplace.make_shop(&wish, moment));
            if let Ok((Err(refusal), _)) | Err(refusal) = made {
                tracing::error!(message = refusal.message, name, "a first shop was refused");
            }
        }
    }

    /// Lets nobody find ended tokens in the ready line.
    pub(crate) fn renew_credentials(&mut self) {
        for name in self.names() {
            if let Err(refusal) = self.act(name, None, |marketplace, moment| marketplace.renew_credentials(moment)) {
                tracing::error!(message = refusal.message, "a marketplace without a name");
            }
        }
    }

    /// Lets go of the data folder: nothing is answered any more.
    pub(crate) fn close(&mut self) {
        self.journal = None;
        self.broken = true;
    }

    /// The credentials of the ready line.
    pub(crate) fn credentials(&self) -> Value {
        let mut credentials = serde_json::Map::new();
        for marketplace in &self.marketplaces {
            credentials.insert(marketplace.name().to_owned(), marketplace.credentials());
        }
        Value::Object(credentials)
    }

    /// How a marketplace delivers pushes.
    pub(crate) fn push_rules(&self, name: &str) -> Option<PushRules> {
        self.marketplace(name).ok().map(Marketplace::push_rules)
    }

    /// Lets a marketplace act; answers what it answered and whether its state changed.
    pub(crate) fn act<R>(
        &mut self,
        name: &str,
        stale: Option<Duration>,
        act: impl FnOnce(&mut dyn Marketplace, &mut Moment<'_>) -> R,
    ) -> Result<(R, bool), Refusal> {
        let Some(place) = self.marketplaces.iter().position(|marketplace| marketplace.name() == name) else {
            return Err(self.no_such(name));
        };
        let marketplace = &mut self.marketplaces[place];
        let mut moment = Moment {
            now: self.clock.now(),
            now_ms: self.clock.now_ms(),
            stale,
            accept_repeats: self.accept_repeats,
            limits: &mut self.limits,
            pushes: &mut self.pushes,
            faults: self.faults.get_mut(name),
            changed: false,
        };
        marketplace.pass_time(&mut moment);
        moment.changed = false;
        let answer = act(&mut **marketplace, &mut moment);
        let changed = moment.changed;
        Ok((answer, changed))
    }

    /// Lets passed deadlines have their effect everywhere.
    pub(crate) fn pass_time(&mut self) {
        for name in self.names() {
            // Acting begins with the deadlines that have passed.
            if let Err(refusal) = self.act(name, None, |_, _| ()) {
                tracing::error!(message = refusal.message, "a marketplace without a name");
            }
        }
        self.commit();
    }

    /// Notes a call; one that changed something is also written down.
    pub(crate) fn note(&mut self, call: Call) {
        if call.changed && self.journal.is_some() {
            self.changed_calls.push(call.clone());
        }
        self.calls.keep(call);
    }

    /// Moves the clock.
    pub(crate) fn move_clock(&mut self, change: impl FnOnce(&mut Clock)) {
        change(&mut self.clock);
        self.settings_changed = true;
        self.pass_time();
    }

    /// Sets the switch that lets a repeated cancel take effect again.
    pub(crate) fn set_accept_repeats(&mut self, on: bool) {
        self.accept_repeats = on;
        self.settings_changed = true;
    }

    /// The port that a marketplace had before, so that its address stays the same across restarts.
    pub(crate) fn remembered_port(&self, name: &str) -> Option<u16> {
        self.ports.get(name).copied()
    }

    /// Remembers a port.
    pub(crate) fn remember_port(&mut self, name: &str, port: u16) {
        self.ports.insert(name.to_owned(), port);
        self.settings_changed = true;
    }

    /// Writes the changes down. False: they are not safe, and no answer may say that they happened.
    pub(crate) fn commit(&mut self) -> bool {
        if self.broken {
            return false;
        }
        let mut changes = match self.journal {
            Some(_) => Changes::of_transaction(),
            None => Changes::forgotten(),
        };
        self.collect(&mut changes);
        let Some(journal) = &mut self.journal else { return true };
        let written = journal.append(changes);
        let written = match written {
            Ok(()) if journal.is_long() => self.rewrite_journal(),
            other => other,
        };
        if let Err(error) = written {
            tracing::error!(%error, "the journal cannot be written: the sandbox answers nothing until it is restarted");
            self.broken = true;
        }
        !self.broken
    }

    fn collect(&mut self, changes: &mut Changes<'_>) {
        if std::mem::take(&mut self.settings_changed) {
            let settings =
                Settings { clock: self.clock, accept_repeats: self.accept_repeats, ports: self.ports.clone() };
            changes.put("settings", &settings);
        }
        for marketplace in &mut self.marketplaces {
            marketplace.record_changes(changes);
        }
        self.pushes.record_changes(changes);
        for call in self.changed_calls.drain(..) {
            changes.put("calls", &call);
        }
    }

    /// Writes the journal anew with only the present state in it.
    pub(crate) fn rewrite_journal(&mut self) -> io::Result<()> {
        let Some(mut journal) = self.journal.take() else { return Ok(()) };
        self.settings_changed = true;
        for marketplace in &mut self.marketplaces {
            marketplace.record_everything();
        }
        self.pushes.record_everything();
        self.changed_calls = self.calls.changed().cloned().collect();
        let written = journal.rewrite(|everything| self.collect(everything));
        self.journal = Some(journal);
        written
    }
}
