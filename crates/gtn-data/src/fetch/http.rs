//! A single HTTP request and its errors.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::{Response, StatusCode, Uri, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy, Timeout};

use super::{Error, Options};

/// Why a request failed.
pub(super) enum RequestError {
    /// A retry may succeed.
    Transient(String),
    /// A retry would fail the same way.
    Permanent(String),
}

/// An HTTP client that requests files.
pub(super) struct Client {
    agent: Agent,
    read_timeout: Duration,
    connect_timeout: Duration,
}

/// A response with the bytes of a file from `offset` on.
pub(super) struct FileResponse<'a> {
    pub(super) offset: u64,
    reader: ureq::BodyReader<'static>,
    client: &'a Client,
}

/// Refuses an invalid URL.
pub(crate) fn check_url(url: &str) -> Result<(), Error> {
    let refuse = |reason| Err(Error::InvalidUrl { url: url.to_owned(), reason });
    let Ok(uri) = url.parse::<Uri>() else { return refuse("not a URL") };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return refuse("it does not start with http:// or https://");
    }
    match uri.authority() {
        None => refuse("it has no host"),
        Some(authority) if authority.as_str().contains('@') => refuse("user names are not supported"),
        Some(_) => Ok(()),
    }
}

impl Client {
    /// Creates a client. `encrypted` says whether it needs root certificates for HTTPS.
    pub(super) fn new(options: &Options, encrypted: bool) -> Self {
        let root_certs = if encrypted { root_certificates() } else { RootCerts::WebPki };
        let tls = TlsConfig::builder().root_certs(root_certs).build();
        let config = Agent::config_builder()
            .user_agent(concat!("gtn/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .max_redirects(5)
            .proxy(if options.proxy_from_env { Proxy::try_from_env() } else { None })
            .tls_config(tls)
            .timeout_resolve(Some(options.connect_timeout))
            .timeout_connect(Some(options.connect_timeout))
            .timeout_send_request(Some(options.read_timeout))
            .timeout_recv_response(Some(options.read_timeout))
            .timeout_per_read(Some(options.read_timeout))
            .timeout_per_write(Some(options.read_timeout))
            .build();
        Self { agent: config.into(), read_timeout: options.read_timeout, connect_timeout: options.connect_timeout }
    }

    /// Requests the bytes of a file from `offset` on. The response may still start at 0.
    pub(super) fn get(&self, url: &str, offset: u64, size: u64) -> Result<FileResponse<'_>, RequestError> {
        // The server must send a .gz file as it is.
        let mut request = self.agent.get(url).header(header::ACCEPT_ENCODING, "identity");
        if offset > 0 {
            request = request.header(header::RANGE, format!("bytes={offset}-"));
        }
        let response = request.call().map_err(|error| self.classify(&error))?;
        let status = response.status();
        let from = match status {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if offset > 0 => match content_range(&response) {
                Some((from, total)) if from == offset && total.is_none_or(|total| total == size) => from,
                // The server has another file than the one that the partial download belongs to.
                _ => return self.get(url, 0, size),
            },
            StatusCode::RANGE_NOT_SATISFIABLE if offset > 0 => return self.get(url, 0, size),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                return Err(RequestError::Transient(format!("HTTP status {status}")));
            }
            _ if status.is_server_error() => return Err(RequestError::Transient(format!("HTTP status {status}"))),
            _ => return Err(RequestError::Permanent(format!("HTTP status {status}"))),
        };
        match response.body().content_length() {
            Some(length) if from.saturating_add(length) != size => {
                let actual = from.saturating_add(length);
                Err(RequestError::Permanent(format!("the file has {actual} bytes, expected {size}")))
            }
            _ => Ok(FileResponse { offset: from, reader: response.into_body().into_reader(), client: self }),
        }
    }

    fn classify(&self, error: &ureq::Error) -> RequestError {
        use std::io::ErrorKind;
        match error {
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                RequestError::Permanent(format!("no connection within {}", seconds(self.connect_timeout)))
            }
            ureq::Error::Timeout(_) => RequestError::Transient(format!("no answer for {}", seconds(self.read_timeout))),
            ureq::Error::HostNotFound => {
                RequestError::Permanent("cannot resolve the host name (is the network down?)".to_owned())
            }
            ureq::Error::Io(error) => {
                let text = one_line(&error.to_string());
                match error.kind() {
                    ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof
                    | ErrorKind::TimedOut
                    | ErrorKind::WouldBlock
                    | ErrorKind::Interrupted => RequestError::Transient(format!("connection lost ({text})")),
                    _ => RequestError::Permanent(format!("no connection ({text})")),
                }
            }
            // A connection that is lost within a chunk or a header looks like a protocol error.
            ureq::Error::Protocol(_) => {
                RequestError::Transient(format!("invalid HTTP response ({})", one_line(&error.to_string())))
            }
            error => RequestError::Permanent(one_line(&error.to_string())),
        }
    }
}

impl FileResponse<'_> {
    /// Reads bytes of the file; returns 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, RequestError> {
        self.reader.read(buffer).map_err(|error| self.client.classify(&ureq::Error::from(error)))
    }
}

/// The certificates of this machine, which may include a proxy's; Mozilla's if it has none, as in a small container.
fn root_certificates() -> RootCerts {
    let own = rustls_native_certs::load_native_certs().certs;
    if own.is_empty() {
        return RootCerts::WebPki;
    }
    RootCerts::Specific(Arc::new(own.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()))
}

/// First byte and total length in `Content-Range: bytes 5-9/10`; the length is `None` if it is `*`.
fn content_range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let text = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let from = range.split_once('-')?.0.trim().parse().ok()?;
    match total.trim() {
        "*" => Some((from, None)),
        total => Some((from, Some(total.parse().ok()?))),
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// Foreign text on one line of limited length.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|character| !character.is_control()).take(300).collect()
}
