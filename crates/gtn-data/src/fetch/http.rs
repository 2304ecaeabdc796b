//! One request, and what can go wrong with it.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::{Response, StatusCode, Uri, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy, Timeout};

use super::{Error, Options};

/// Why an attempt failed.
pub(super) enum Fault {
    /// The next attempt may succeed.
    Passing(String),
    /// It will be so again.
    Lasting(String),
}

/// Asks for files.
pub(super) struct Client {
    agent: Agent,
    read_timeout: Duration,
    connect_timeout: Duration,
}

/// A server's answer: bytes of the file from `offset` on.
pub(super) struct Answer<'a> {
    pub(super) offset: u64,
    reader: ureq::BodyReader<'static>,
    client: &'a Client,
}

/// Refuses what is no address of a server.
pub(crate) fn check_address(url: &str) -> Result<(), Error> {
    let refuse = |reason| Err(Error::Address { url: url.to_owned(), reason });
    let Ok(address) = url.parse::<Uri>() else { return refuse("this is no address") };
    if !matches!(address.scheme_str(), Some("http" | "https")) {
        return refuse("an address begins with http:// or https://");
    }
    match address.authority() {
        None => refuse("the server's name is missing"),
        Some(authority) if authority.as_str().contains('@') => refuse("a user's name in an address is not supported"),
        Some(_) => Ok(()),
    }
}

impl Client {
    /// A client; `encrypted` says whether it will need to know whom to trust.
    pub(super) fn new(options: &Options, encrypted: bool) -> Self {
        let tls = TlsConfig::builder().root_certs(if encrypted { trusted() } else { RootCerts::WebPki }).build();
        let config = Agent::config_builder()
            .user_agent(concat!("gtn/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .max_redirects(5)
            .proxy(if options.proxy_from_environment { Proxy::try_from_env() } else { None })
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

    /// Asks for the bytes of a file from `offset` on; the answer may begin at 0 all the same.
    pub(super) fn get(&self, url: &str, offset: u64, size: u64) -> Result<Answer<'_>, Fault> {
        // The bytes as they are: a .gz file must not be unpacked on the way.
        let mut request = self.agent.get(url).header(header::ACCEPT_ENCODING, "identity");
        if offset > 0 {
            request = request.header(header::RANGE, format!("bytes={offset}-"));
        }
        let response = request.call().map_err(|error| self.fault(&error))?;
        let status = response.status();
        let from = match status {
            StatusCode::OK => 0,
            StatusCode::PARTIAL_CONTENT if offset > 0 => match range(&response) {
                Some((from, total)) if from == offset && total.is_none_or(|total| total == size) => from,
                // It does not have the file that the part is of.
                _ => return self.get(url, 0, size),
            },
            StatusCode::RANGE_NOT_SATISFIABLE if offset > 0 => return self.get(url, 0, size),
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                return Err(Fault::Passing(format!("HTTP status {status}")));
            }
            _ if status.is_server_error() => return Err(Fault::Passing(format!("HTTP status {status}"))),
            _ => return Err(Fault::Lasting(format!("HTTP status {status}"))),
        };
        match response.body().content_length() {
            Some(length) if from.saturating_add(length) != size => {
                let whole = from.saturating_add(length);
                Err(Fault::Lasting(format!("it has another file: {whole} bytes instead of {size}")))
            }
            _ => Ok(Answer { offset: from, reader: response.into_body().into_reader(), client: self }),
        }
    }

    fn fault(&self, error: &ureq::Error) -> Fault {
        use std::io::ErrorKind;
        match error {
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                Fault::Lasting(format!("it cannot be reached within {}", seconds(self.connect_timeout)))
            }
            ureq::Error::Timeout(_) => Fault::Passing(format!("no answer for {}", seconds(self.read_timeout))),
            ureq::Error::HostNotFound => Fault::Lasting("the server's name is not known here (no network?)".to_owned()),
            ureq::Error::Io(error) => {
                let text = one_line(&error.to_string());
                match error.kind() {
                    ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::UnexpectedEof
                    | ErrorKind::TimedOut
                    | ErrorKind::WouldBlock
                    | ErrorKind::Interrupted => Fault::Passing(format!("the connection was cut ({text})")),
                    _ => Fault::Lasting(format!("no connection ({text})")),
                }
            }
            // A connection that is cut within a chunk or a header looks like a breach of the protocol.
            ureq::Error::Protocol(_) => {
                Fault::Passing(format!("an answer that is no HTTP ({})", one_line(&error.to_string())))
            }
            error => Fault::Lasting(one_line(&error.to_string())),
        }
    }
}

impl Answer<'_> {
    /// Reads bytes of the file; 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        self.reader.read(buffer).map_err(|error| self.client.fault(&ureq::Error::from(error)))
    }
}

/// Whom to trust: the certificates of this machine, which may have a proxy's among them; where there are none (a small
/// container), Mozilla's.
fn trusted() -> RootCerts {
    let own = rustls_native_certs::load_native_certs().certs;
    if own.is_empty() {
        return RootCerts::WebPki;
    }
    RootCerts::Specific(Arc::new(own.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()))
}

/// First byte and length of the whole file in `Content-Range: bytes 5-9/10` (`*` for a length that is not told).
fn range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
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

/// Words of others in one line of bearable length.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|character| !character.is_control()).take(300).collect()
}
