//! Settings: built-in values, then `countermand.toml`, then `COUNTERMAND_*` in the environment, then flags. The later
//! one wins, and an error names the place that the wrong value came from.

use connectors::{OpenError, Policies};
use domain::platform::Platform;
use domain::policy::Policy;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Durability;
use toml::Spanned;
use url::Url;

/// The settings file, unless told.
pub const FILE: &str = "countermand.toml";

/// A setting is wrong: where it came from, how, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}; {remedy}")]
pub struct SettingError {
    /// The flag, the variable, or file and line.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

/// Which part of the server a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Both.
    All,
    /// Pages, API and pushes only.
    Web,
    /// Carries out what was accepted, and listens to nobody.
    Worker,
}

/// What flags may set; see [`Settings`].
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// Settings file [COUNTERMAND_CONFIG; default: countermand.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<String>,
    /// Folder of database, key and lock [COUNTERMAND_DATA; default: countermand-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<String>,
    /// sqlite:PATH or postgres://… [COUNTERMAND_DATABASE; default: a file in the data folder]
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// Folder of <platform>.toml files that replace built-in policies [COUNTERMAND_POLICY_FOLDER]
    #[arg(long, global = true, value_name = "DIR")]
    pub policy_folder: Option<String>,
    /// Turn on a switch that a platform's policy has off, such as tokopedia.seller_cancel; may be repeated
    /// [COUNTERMAND_ALLOW]
    #[arg(long, global = true, value_name = "PLATFORM.SWITCH")]
    pub allow: Vec<String>,
    /// power_cut: what was accepted survives one; crash: faster, survives a crash of the program only
    /// [COUNTERMAND_DURABILITY; default: power_cut]
    #[arg(long, global = true, value_name = "WORD")]
    pub durability: Option<String>,
}

/// The settings file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<Spanned<String>>,
    database: Option<Spanned<String>>,
    policy_folder: Option<Spanned<String>>,
    allow: Option<Vec<Spanned<String>>>,
    durability: Option<Spanned<String>>,
    listen: Option<Spanned<String>>,
    public_url: Option<Spanned<String>>,
    role: Option<Spanned<String>>,
    log: Option<Spanned<String>>,
    log_format: Option<Spanned<String>>,
}

/// A value and where it came from.
#[derive(Debug, Clone)]
struct Given {
    value: String,
    place: String,
}

impl Given {
    fn wrong(&self, problem: impl fmt::Display, remedy: &str) -> SettingError {
        SettingError { place: self.place.clone(), problem: problem.to_string(), remedy: remedy.to_owned() }
    }
}

/// The environment, so that tests bring their own.
pub type Environment = HashMap<String, String>;

/// This process's environment, as far as it concerns settings.
#[must_use]
pub fn environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .filter(|(name, _)| name.starts_with("COUNTERMAND_"))
        .collect()
}

/// Where settings come from, from the weakest to the strongest.
#[derive(Debug)]
pub struct Sources {
    file_name: String,
    file_text: String,
    file: File,
    environment: Environment,
    flags: Flags,
}

/// The settings that every command shares.
#[derive(Clone)]
pub struct Settings {
    /// Folder of database, key and lock.
    pub data: PathBuf,
    /// Address of the database.
    pub database: String,
    /// What an accepted command survives on SQLite.
    pub durability: Durability,
    /// Each platform's policy.
    pub policies: Policies,
    /// The sealing key as 64 hexadecimal digits, if it is not in the data folder.
    pub key: Option<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("data", &self.data).finish_non_exhaustive()
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

impl Sources {
    /// Reads the settings file, where there is one.
    ///
    /// # Errors
    /// [`SettingError`] when a named file is missing, or the file is not as it should be.
    pub fn read(flags: Flags, environment: Environment) -> Result<Self, SettingError> {
        let named = flags.config.clone().map(|name| (name, "--config".to_owned()));
        let named = named.or_else(|| {
            let name = environment.get("COUNTERMAND_CONFIG")?;
            Some((name.clone(), "COUNTERMAND_CONFIG".to_owned()))
        });
        let file_name = named.as_ref().map_or_else(|| FILE.to_owned(), |(name, _)| name.clone());
        let file_text = match std::fs::read_to_string(&file_name) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => String::new(),
            Err(error) => {
                return Err(SettingError {
                    place: named.map_or_else(|| file_name.clone(), |(_, place)| place),
                    problem: format!("{file_name} cannot be read: {error}"),
                    remedy: "name a readable settings file, or none".to_owned(),
                });
            }
        };
        let file = toml::from_str(&file_text).map_err(|error: toml::de::Error| SettingError {
            place: format!("{file_name}:{}", line_of(&file_text, error.span().map_or(0, |span| span.start))),
            problem: error.message().lines().next().unwrap_or_default().to_owned(),
            remedy: "correct the line".to_owned(),
        })?;
        Ok(Self { file_name, file_text, file, environment, flags })
    }

    fn pick(&self, flag: (Option<&String>, &str), variable: &str, in_file: Option<&Spanned<String>>) -> Option<Given> {
        let from_flag = flag.0.map(|value| Given { value: value.clone(), place: flag.1.to_owned() });
        let from_environment = || {
            let value = self.environment.get(variable)?;
            Some(Given { value: value.clone(), place: variable.to_owned() })
        };
        let from_file = || {
            let value = in_file?;
            let place = format!("{}:{}", self.file_name, line_of(&self.file_text, value.span().start));
            Some(Given { value: value.get_ref().clone(), place })
        };
        from_flag.or_else(from_environment).or_else(from_file)
    }

    /// The settings that every command shares. `data` is the data folder where none is set.
    ///
    /// # Errors
    /// [`SettingError`] for the first that is wrong.
    pub fn settings(&self, data: &Path) -> Result<Settings, SettingError> {
        let flags = &self.flags;
        let folder = self.pick((flags.data.as_ref(), "--data"), "COUNTERMAND_DATA", self.file.data.as_ref());
        let data = folder.map_or_else(|| data.to_owned(), |given| PathBuf::from(given.value));
        let database =
            self.pick((flags.database.as_ref(), "--database"), "COUNTERMAND_DATABASE", self.file.database.as_ref());
        let database = match database {
            None => format!("sqlite:{}", data.join("countermand.db").display()),
            Some(given) => {
                let known = ["sqlite:", "postgres://", "postgresql://"];
                if !known.iter().any(|start| given.value.starts_with(start)) {
                    let remedy = "write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME";
                    return Err(given.wrong("this is no address of a database", remedy));
                }
                given.value
            }
        };
        let durability = self.pick(
            (flags.durability.as_ref(), "--durability"),
            "COUNTERMAND_DURABILITY",
            self.file.durability.as_ref(),
        );
        let durability = match durability {
            None => Durability::PowerCut,
            Some(given) => match given.value.as_str() {
                "power_cut" => Durability::PowerCut,
                "crash" => Durability::Crash,
                other => return Err(given.wrong(format!("“{other}” is unknown"), "write power_cut or crash")),
            },
        };
        let policy_folder = self.pick(
            (flags.policy_folder.as_ref(), "--policy-folder"),
            "COUNTERMAND_POLICY_FOLDER",
            self.file.policy_folder.as_ref(),
        );
        let key = self.environment.get("COUNTERMAND_KEY").cloned();
        Ok(Settings { data, database, durability, policies: policies(policy_folder.as_ref(), &self.allowed())?, key })
    }

    /// The switches that are turned on, wherever they are named.
    fn allowed(&self) -> Vec<Given> {
        let words = |text: &str, place: &str| -> Vec<Given> {
            let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
            words.map(|word| Given { value: word.to_owned(), place: place.to_owned() }).collect()
        };
        let mut allowed = Vec::new();
        for given in self.file.allow.iter().flatten() {
            let place = format!("{}:{}", self.file_name, line_of(&self.file_text, given.span().start));
            allowed.extend(words(given.get_ref(), &place));
        }
        if let Some(text) = self.environment.get("COUNTERMAND_ALLOW") {
            allowed.extend(words(text, "COUNTERMAND_ALLOW"));
        }
        allowed.extend(self.flags.allow.iter().flat_map(|text| words(text, "--allow")));
        allowed
    }

    /// Where to listen; `usual` where nothing is set.
    ///
    /// # Errors
    /// [`SettingError`] for what is no address.
    pub fn listen(&self, flag: Option<&String>, usual: SocketAddr) -> Result<SocketAddr, SettingError> {
        match self.pick((flag, "--listen"), "COUNTERMAND_LISTEN", self.file.listen.as_ref()) {
            None => Ok(usual),
            Some(given) => given.value.parse().map_err(|_| {
                let problem = format!("“{}” is no address to listen on", given.value);
                given.wrong(problem, "write HOST:PORT with a numeric host, such as 127.0.0.1:8080")
            }),
        }
    }

    /// The address under which the server is reached from outside.
    ///
    /// # Errors
    /// [`SettingError`] for what is no http or https address.
    pub fn public_url(&self, flag: Option<&String>) -> Result<Option<Url>, SettingError> {
        let given = self.pick((flag, "--public-url"), "COUNTERMAND_PUBLIC_URL", self.file.public_url.as_ref());
        let Some(given) = given else { return Ok(None) };
        match Url::parse(&given.value) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none() => {
                Ok(Some(url))
            }
            _ => {
                let problem = format!("“{}” is no address of a server", given.value);
                Err(given.wrong(problem, "write it as https://host without path or query"))
            }
        }
    }

    /// Which part of the server this is.
    ///
    /// # Errors
    /// [`SettingError`] for an unknown word.
    pub fn role(&self, flag: Option<&String>) -> Result<Role, SettingError> {
        let Some(given) = self.pick((flag, "--role"), "COUNTERMAND_ROLE", self.file.role.as_ref()) else {
            return Ok(Role::All);
        };
        match given.value.as_str() {
            "all" => Ok(Role::All),
            "web" => Ok(Role::Web),
            "worker" => Ok(Role::Worker),
            other => Err(given.wrong(format!("“{other}” is no role"), "write all, web or worker")),
        }
    }

    /// What is logged (a filter such as `info` or `info,countermand=debug`), and whether as JSON.
    ///
    /// # Errors
    /// [`SettingError`] for a filter or form that is not understood.
    pub fn log(&self) -> Result<(tracing_subscriber::EnvFilter, bool), SettingError> {
        let filter = match self.pick((None, ""), "COUNTERMAND_LOG", self.file.log.as_ref()) {
            None => tracing_subscriber::EnvFilter::new("info"),
            Some(given) => tracing_subscriber::EnvFilter::try_new(&given.value)
                .map_err(|error| given.wrong(error, "write info, or info,countermand=debug"))?,
        };
        let as_json = match self.pick((None, ""), "COUNTERMAND_LOG_FORMAT", self.file.log_format.as_ref()) {
            None => false,
            Some(given) => match given.value.as_str() {
                "text" => false,
                "json" => true,
                other => return Err(given.wrong(format!("“{other}” is unknown"), "write text or json")),
            },
        };
        Ok((filter, as_json))
    }
}

/// Every marketplace's policy: its file in the folder, else the built-in one; then the switches that the settings turn on.
fn policies(folder: Option<&Given>, allowed: &[Given]) -> Result<Policies, SettingError> {
    let wrong = |error: OpenError| {
        let (place, problem, remedy) = match error {
            OpenError::Policy(error) => {
                (format!("{}:{}:{}", error.file, error.line, error.column), error.problem, error.remedy)
            }
            other => ("policy".to_owned(), other.to_string(), "remove its file".to_owned()),
        };
        SettingError { place, problem, remedy }
    };
    if let Some(given) = folder
        && !Path::new(&given.value).is_dir()
    {
        return Err(given.wrong(format!("{} is no folder", given.value), "name a folder of <platform>.toml files"));
    }
    let mut policies = HashMap::new();
    for &platform in Platform::ALL {
        let file = folder.map(|given| Path::new(&given.value).join(format!("{platform}.toml")));
        let mut policy = match file.filter(|file| file.exists()) {
            Some(file) => connectors::read_policy(platform, &file).map_err(wrong)?,
            None => connectors::default_policy(platform).map_err(wrong)?,
        };
        for given in allowed {
            allow(&mut policy, platform, given)?;
        }
        policies.insert(platform, Arc::new(policy));
    }
    Ok(policies)
}

/// The words of a policy's switches.
const SELLER_CANCEL: &str = "seller_cancel";
const PARTIAL_CANCEL: &str = "partial_cancel";

/// Turns on a switch of this platform's policy, where `given` names one (`PLATFORM.SWITCH`).
fn allow(policy: &mut Policy, platform: Platform, given: &Given) -> Result<(), SettingError> {
    let remedy = format!("write PLATFORM.SWITCH, where SWITCH is {SELLER_CANCEL} or {PARTIAL_CANCEL}");
    let wrong = || given.wrong(format!("“{}” is no switch of a policy", given.value), &remedy);
    let (named, switch) = given.value.split_once('.').ok_or_else(wrong)?;
    let named = Platform::parse(named).map_err(|error| given.wrong(error, &remedy))?;
    let on = match switch {
        SELLER_CANCEL => &mut policy.seller_cancel,
        PARTIAL_CANCEL => &mut policy.partial_cancel.on,
        _ => return Err(wrong()),
    };
    *on |= named == platform;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(file: &str, environment: &[(&str, &str)], flags: Flags) -> Result<Sources, SettingError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("desk.toml");
        std::fs::write(&path, file).expect("written");
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Sources::read(Flags { config: Some(path.display().to_string()), ..flags }, environment)
    }

    fn usual() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 8080))
    }

    #[test]
    fn a_flag_beats_the_environment_which_beats_the_file() {
        let file = "listen = \"127.0.0.1:1\"\n";
        let variable = [("COUNTERMAND_LISTEN", "127.0.0.1:2")];
        let all = sources(file, &variable, Flags::default()).expect("read");
        let flag = "127.0.0.1:3".to_owned();
        assert_eq!(all.listen(Some(&flag), usual()).expect("an address").port(), 3);
        assert_eq!(all.listen(None, usual()).expect("an address").port(), 2);
        let file = sources(file, &[], Flags::default()).expect("read");
        assert_eq!(file.listen(None, usual()).expect("an address").port(), 1);
        let none = sources("", &[], Flags::default()).expect("read");
        assert_eq!(none.listen(None, usual()).expect("an address").port(), 8080);
    }

    #[test]
    fn a_wrong_setting_says_where_it_stands_and_what_to_do() {
        let error = sources("# desk\nlisten = \"here\"\n", &[], Flags::default()).expect("read");
        let error = error.listen(None, usual()).expect_err("no address").to_string();
        assert!(error.contains("desk.toml:2: “here” is no address") && error.contains("127.0.0.1:8080"), "{error}");
        let error = sources("\nlisen = \"x\"\n", &[], Flags::default()).expect_err("unknown field").to_string();
        assert!(error.contains("desk.toml:2: unknown field `lisen`"), "{error}");
        let error = sources("role = [", &[], Flags::default()).expect_err("no TOML").to_string();
        assert!(error.contains("desk.toml:1:") && !error.contains('\n'), "{error}");
        let wrong = sources("", &[("COUNTERMAND_DATABASE", "mysql://u:secret@h/d")], Flags::default()).expect("read");
        let error = wrong.settings(Path::new("data")).expect_err("unknown database").to_string();
        assert!(error.starts_with("COUNTERMAND_DATABASE: ") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn a_named_settings_file_has_to_be_there() {
        let flags = Flags { config: Some("no/such/file.toml".to_owned()), ..Flags::default() };
        let error = Sources::read(flags, Environment::new()).expect_err("not there").to_string();
        assert!(error.starts_with("--config: no/such/file.toml cannot be read"), "{error}");
    }

    #[test]
    fn a_policy_s_switch_is_turned_on_by_its_name_wherever_it_is_named() {
        let switched = |sources: Sources| {
            let policies = sources.settings(Path::new("data")).expect("settings").policies;
            Platform::ALL.iter().filter(|it| policies[it].seller_cancel).count()
        };
        let off = switched(sources("", &[], Flags::default()).expect("read"));
        let word = Platform::ALL[3];
        let name = format!("{word}.seller_cancel");
        let flag = Flags { allow: vec![name.clone()], ..Flags::default() };
        assert_eq!(switched(sources("", &[], flag).expect("read")), off + 1);
        let variable = [("COUNTERMAND_ALLOW", name.as_str())];
        assert_eq!(switched(sources("", &variable, Flags::default()).expect("read")), off + 1);
        let file = format!("allow = [\"{name}\"]\n");
        assert_eq!(switched(sources(&file, &[], Flags::default()).expect("read")), off + 1);
    }

    #[test]
    fn a_switch_that_no_policy_has_is_refused_where_it_stands() {
        for (named, words) in [("nonsense", "is no switch"), ("nowhere.seller_cancel", "is no platform")] {
            let flag = Flags { allow: vec![named.to_owned()], ..Flags::default() };
            let error = sources("", &[], flag).expect("read").settings(Path::new("data")).expect_err("no switch");
            let error = error.to_string();
            assert!(
                error.starts_with("--allow: ") && error.contains(words) && error.contains("PLATFORM.SWITCH"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_wrong_policy_file_is_refused_with_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(format!("{}.toml", Platform::ALL[0]));
        std::fs::write(file, "as_of = \"2026-11-23\"\nswitches = 1\n").expect("written");
        let flags = Flags { policy_folder: Some(folder.path().display().to_string()), ..Flags::default() };
        let sources = sources("", &[], flags).expect("read");
        let error = sources.settings(Path::new("data")).expect_err("a wrong policy").to_string();
        assert!(error.contains(".toml:2:") && error.contains("; "), "{error}");
    }
}
