//! A real headless Chromium, driven by ChromeDriver. Both are Debian's packages, which `./x test` installs.

use crate::desk::{Desk, PASSWORD};
use serde_json::json;
use std::future::Future;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::testing::run_browser_test;

/// How long something may take to appear.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often ChromeDriver is started before it is given up.
const STARTS_TRIED: usize = 5;
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Whether nothing was clicked because the element was replaced or another lay over it for a moment.
fn has_moved(error: &thirtyfour::error::WebDriverError) -> bool {
    let words = error.to_string();
    words.contains("stale element") || words.contains("click intercepted")
}

/// Whether a page was looked at in the moment in which it gave way to the next.
fn has_gone(error: &thirtyfour::error::WebDriverError) -> bool {
    error.to_string().contains("aborted by navigation")
}

/// ChromeDriver on a free port. Killed when dropped; its browsers end before, with their windows.
struct Driver {
    process: Child,
    address: String,
    profile: TempDir,
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Driver {
    fn start() -> Self {
        // The free port that it takes may be gone on the other address family by the time it listens there.
        let started = (0..STARTS_TRIED).find_map(|_| Self::try_to_start());
        started.unwrap_or_else(|| {
            panic!("ChromeDriver ended before it listened; `./x test` installs a Chromium that fits it")
        })
    }

    fn try_to_start() -> Option<Self> {
        let program = std::env::var("COUNTERMAND_CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let mut command = Command::new(&program);
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap_or_else(|error| {
            panic!("{program}: {error}; `./x test` installs Chromium and ChromeDriver and runs these tests")
        });
        let mut lines = BufReader::new(process.stdout.take().expect("its output is ours")).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let Some(port) = port else {
            let _ = process.wait();
            return None;
        };
        // Keep reading, so that it never blocks on a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let profile = tempfile::tempdir().expect("a folder");
        Some(Self { process, address: format!("http://127.0.0.1:{port}"), profile })
    }

    fn window(&self, scripts: bool) -> thirtyfour::WebDriverBuilder {
        let mut capabilities = DesiredCapabilities::chrome();
        if let Ok(chromium) = std::env::var("COUNTERMAND_CHROMIUM") {
            capabilities.set_binary(&chromium).expect("a path");
        }
        // Chromium refuses its sandbox to root, and Docker's shared memory is too small for it.
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1280,900",
        ] {
            capabilities.add_arg(argument).expect("an argument");
        }
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        capabilities.add_arg(&profile).expect("an argument");
        if !scripts {
            let off = json!({"profile.managed_default_content_settings.javascript": 2});
            capabilities.add_experimental_option("prefs", off).expect("an option");
        }
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(120)).build().expect("a client");
        WebDriver::builder(&self.address, capabilities).client(client)
    }
}

/// Runs a journey in a window of its own.
pub(super) async fn journey<F, Fut>(scripts: bool, course: F)
where
    F: FnOnce(Window) -> Fut,
    Fut: Future<Output = WebDriverResult<()>>,
{
    // The browser's client speaks plain http, but wants a provider for TLS all the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let driver = Driver::start();
    let ran = run_browser_test(driver.window(scripts), |window| course(Window(window))).await;
    ran.unwrap_or_else(|error| panic!("{error:?}; `./x test` installs a Chromium and a ChromeDriver that fit"));
}

/// A browser's window, seen as an operator sees it.
#[derive(Clone)]
pub(super) struct Window(pub(super) WebDriver);

impl Window {
    /// Loads a page.
    pub(super) async fn open(&self, desk: &Desk, path: &str) -> WebDriverResult<()> {
        self.0.goto(format!("{}{path}", desk.url)).await
    }

    /// Signs in by the keyboard and sees the list of new orders.
    pub(super) async fn sign_in(&self, desk: &Desk) -> WebDriverResult<()> {
        self.open(desk, "/").await?;
        self.see("input[name=email]:focus").await?;
        self.press("owner@example.com").await?;
        self.press(Key::Tab + "").await?;
        self.press(PASSWORD).await?;
        self.press(Key::Enter + "").await?;
        self.see("table.orders tbody tr").await?;
        Ok(())
    }

    /// Waits for a visible element.
    pub(super) async fn see(&self, css: &str) -> WebDriverResult<WebElement> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.0.query(By::Css(css)).wait(PATIENCE, LOOK_EVERY).and_displayed().desc(css).first().await {
                Err(error) if has_gone(&error) && Instant::now() < until => tokio::time::sleep(LOOK_EVERY).await,
                seen => return seen,
            }
        }
    }

    /// Waits for a visible element that holds these words.
    pub(super) async fn read(&self, css: &str, words: &str) -> WebDriverResult<WebElement> {
        let until = Instant::now() + PATIENCE;
        loop {
            let held = words.to_owned();
            let query =
                self.0.query(By::Css(css)).wait(PATIENCE, LOOK_EVERY).with_filter(move |element: WebElement| {
                    let held = held.clone();
                    // An element that was replaced between finding and reading is looked for again.
                    async move { Ok(element.text().await.is_ok_and(|text| text.contains(&held))) }
                });
            match query.desc(&format!("{css} with “{words}”")).first().await {
                Err(error) if has_gone(&error) && Instant::now() < until => tokio::time::sleep(LOOK_EVERY).await,
                read => return read,
            }
        }
    }

    /// Waits until there is no such element.
    pub(super) async fn miss(&self, css: &str) -> WebDriverResult<()> {
        let gone = self.0.query(By::Css(css)).wait(PATIENCE, LOOK_EVERY).not_exists().await?;
        assert!(gone, "{css} is still there");
        Ok(())
    }

    /// Waits for an element and clicks it; again where the page was refreshed or moved between the two.
    pub(super) async fn click(&self, css: &str) -> WebDriverResult<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.see(css).await?.click().await {
                Err(error) if has_moved(&error) && Instant::now() < until => tokio::time::sleep(LOOK_EVERY).await,
                clicked => return clicked,
            }
        }
    }

    /// Presses keys, wherever the focus is.
    pub(super) async fn press(&self, keys: impl Into<thirtyfour::TypingData>) -> WebDriverResult<()> {
        self.0.action_chain().send_keys(keys).perform().await
    }

    /// The number behind a place in the navigation.
    pub(super) async fn count(&self, place: &str) -> WebDriverResult<i64> {
        let text = self.see(&format!("#navigation a[href='{place}'] .count")).await?.text().await?;
        Ok(text.replace(',', "").parse().unwrap_or_else(|_| panic!("{text:?} is no number")))
    }

    /// Marks the document, so that [`Window::was_not_reloaded`] can tell.
    pub(super) async fn mark(&self) -> WebDriverResult<()> {
        self.0.execute("window.marker = 'still here'", Vec::new()).await.map(drop)
    }

    /// Asserts that the document is the one that was marked.
    pub(super) async fn was_not_reloaded(&self) -> WebDriverResult<()> {
        let marker = self.0.execute("return window.marker ?? null", Vec::new()).await?;
        assert_eq!(marker.json(), "still here", "the page was reloaded");
        Ok(())
    }

    /// Keeps a picture for the documentation, where `COUNTERMAND_KEEP_SCREENSHOTS` asks for it.
    pub(super) async fn picture(&self, name: &str) -> WebDriverResult<()> {
        if std::env::var_os("COUNTERMAND_KEEP_SCREENSHOTS").is_some() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/evidence");
            std::fs::create_dir_all(&folder).expect("a folder");
            self.0.screenshot(&folder.join(format!("{name}.png"))).await?;
        }
        Ok(())
    }
}
