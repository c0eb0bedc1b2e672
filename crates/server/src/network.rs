//! The network as the engine sees it: one request, one answer, no redirects, no retries.

use crate::metrics::Metrics;
use connectors::call::Received;
use domain::time::Span;
use engine::{Network, NetworkError};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// How long making a connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(30);
/// What platforms see of us.
const USER_AGENT: &str = concat!("countermand/", env!("CARGO_PKG_VERSION"));

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be made: {0}; check the proxy settings and certificates of this machine")]
pub struct NoNetwork(String);

/// An HTTP client that follows no redirect and never repeats a request.
///
/// # Errors
/// [`NoNetwork`].
pub fn client(through_proxies: bool) -> Result<reqwest::Client, NoNetwork> {
    // A second installation of the same provider is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_PATIENCE)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true);
    let builder = if through_proxies { builder } else { builder.no_proxy() };
    builder.build().map_err(|error| NoNetwork(error.to_string()))
}

/// The real network. Loopback is reached directly, everything else through the proxies that the environment names.
pub struct HttpNetwork {
    outward: reqwest::Client,
    loopback: reqwest::Client,
    metrics: Arc<Metrics>,
}

impl HttpNetwork {
    /// Makes the clients.
    ///
    /// # Errors
    /// [`NoNetwork`].
    pub fn new(metrics: Arc<Metrics>) -> Result<Self, NoNetwork> {
        Ok(Self { outward: client(true)?, loopback: client(false)?, metrics })
    }

    async fn exchange(&self, request: http::Request<Vec<u8>>, timeout: Duration) -> Result<Received, NetworkError> {
        let host = request.uri().host().unwrap_or_default();
        let client = if is_loopback(host) { &self.loopback } else { &self.outward };
        // An error of the client quotes the address, which carries tokens and signatures: never shown.
        let request = reqwest::Request::try_from(request)
            .map_err(|error| NetworkError::NotSent(error.without_url().to_string()))?;
        let sent = tokio::time::timeout(timeout, async {
            let mut response = client.execute(request).await.map_err(failed)?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(failed)? {
                if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                    return Err(NetworkError::NoAnswer(format!("the answer is larger than {ANSWER_BYTES_MAX} bytes")));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Received { status, headers, body })
        });
        sent.await.unwrap_or_else(|_| Err(NetworkError::NoAnswer("the time ran out".to_owned())))
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Only a connection that could not be made proves that nothing was sent.
fn failed(error: reqwest::Error) -> NetworkError {
    let (connecting, building) = (error.is_connect(), error.is_builder());
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(deeper) = cause {
        words = format!("{words}: {deeper}");
        cause = deeper.source();
    }
    if connecting || building { NetworkError::NotSent(words) } else { NetworkError::NoAnswer(words) }
}

impl Network for HttpNetwork {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Span,
    ) -> Pin<Box<dyn Future<Output = Result<Received, NetworkError>> + Send + '_>> {
        Box::pin(async move {
            let began = Instant::now();
            let timeout = Duration::from_millis(timeout.millis().unsigned_abs());
            let received = self.exchange(request, timeout).await;
            let outcome = match &received {
                Ok(received) if received.status < 400 => "answered",
                Ok(_) => "error_answer",
                Err(NetworkError::NotSent(_)) => "not_sent",
                Err(NetworkError::NoAnswer(_)) => "no_answer",
            };
            self.metrics.count("countermand_calls_total", &[("outcome", outcome)]);
            self.metrics.took("countermand_call_seconds_sum", "countermand_call_seconds_count", began.elapsed());
            received
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    fn network() -> HttpNetwork {
        HttpNetwork::new(Arc::default()).expect("a client")
    }

    fn get(address: &str) -> http::Request<Vec<u8>> {
        http::Request::get(address).body(Vec::new()).expect("a request")
    }

    /// Answers each connection with these bytes, then closes it.
    async fn answering(bytes: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(bytes).await;
            }
        });
        format!("http://{address}/api?access_token=secret")
    }

    #[tokio::test]
    async fn nothing_was_sent_where_nobody_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}/?sign=secret", listener.local_addr().expect("an address"));
        drop(listener);
        let error = network().send(get(&address), Span::from_seconds(5)).await.expect_err("nobody listens");
        assert!(matches!(error, NetworkError::NotSent(_)), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[tokio::test]
    async fn a_connection_that_breaks_says_nothing_of_what_happened() {
        let address = answering(b"").await;
        let error = network().send(get(&address), Span::from_seconds(5)).await.expect_err("no answer");
        assert!(matches!(error, NetworkError::NoAnswer(_)), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
        let address = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
        let error = network().send(get(&address), Span::from_seconds(5)).await.expect_err("half an answer");
        assert!(matches!(error, NetworkError::NoAnswer(_)), "{error}");
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let address =
            answering(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
        let received = network().send(get(&address), Span::from_seconds(5)).await.expect("an answer");
        assert_eq!(received.status, 302);
    }

    #[test]
    fn loopback_is_told_by_its_address() {
        for host in ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["127.0.0.1.example.com", "10.0.0.1", "example.com", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
