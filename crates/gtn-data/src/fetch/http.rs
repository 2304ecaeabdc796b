//! A single HTTP request, and what its failure means.

use std::io::{ErrorKind, Read};

use ureq::http::{StatusCode, Uri, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Timeout};

use super::error::Error;
use super::options::Options;

/// Why a request failed.
pub(crate) enum Failure {
    /// A retry may succeed.
    Transient(String),
    /// Only another mirror may succeed.
    Permanent(String),
    /// No mirror can succeed.
    Fatal(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Fatal(error)
    }
}

/// Refuses an invalid URL.
pub(crate) fn check_url(url: &str) -> Result<(), Error> {
    let uri = url.parse::<Uri>().ok();
    let is_valid = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    if uri.as_ref().is_some_and(is_valid) { Ok(()) } else { Err(Error::InvalidUrl(url.to_owned())) }
}

pub(super) fn agent(options: &Options) -> Agent {
    Agent::config_builder()
        .user_agent(concat!("gtn/", env!("CARGO_PKG_VERSION")))
        // The server must send a .gz file as it is.
        .accept_encoding("identity")
        .tls_config(TlsConfig::builder().root_certs(root_certificates()).build())
        .timeout_resolve(Some(options.timeout))
        .timeout_connect(Some(options.timeout))
        .timeout_per_read(Some(options.timeout))
        .timeout_per_write(Some(options.timeout))
        .build()
        .into()
}

/// The certificates of this machine, which may include a proxy's; Mozilla's if it has none, as in a small container.
fn root_certificates() -> RootCerts {
    match &rustls_native_certs::load_native_certs().certs[..] {
        [] => RootCerts::WebPki,
        own => own.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).into(),
    }
}

/// A file of unknown size has at most so many bytes. An endless answer must not fill the disk.
pub(super) const MAX_UNKNOWN_BYTES: u64 = 1 << 30;

/// The answer to a request for a file.
pub(super) struct Response<R> {
    /// The position in the file at which it begins.
    pub(super) offset: u64,
    /// Size of the complete file, if it is known.
    pub(super) total: Option<u64>,
    /// Whether its end differs from a lost connection: its length is known, or it is sent in chunks.
    pub(super) has_clear_end: bool,
    /// Its bytes, of which at most one is too many.
    pub(super) bytes: R,
}

/// Requests the bytes of a file from `offset` on. The answer may begin at 0. `size` is the size of the file, if it is known.
pub(super) fn get(
    agent: &Agent,
    url: &str,
    offset: u64,
    size: Option<u64>,
    options: &Options,
) -> Result<Response<impl Read + use<>>, Failure> {
    let request = |offset: u64| {
        let request = agent.get(url);
        match offset {
            0 => request.call(),
            _ => request.header(header::RANGE, format!("bytes={offset}-")).call(),
        }
    };
    let response = match request(offset) {
        // The kept bytes are not the beginning of a larger file.
        Err(ureq::Error::StatusCode(416)) if offset > 0 => request(0),
        response => response,
    };
    let response = response.map_err(|error| failure(error, options))?;
    let offset = if response.status() == StatusCode::PARTIAL_CONTENT { offset } else { 0 };
    let text = |name: header::HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
    let range = text(header::CONTENT_RANGE).filter(|_| offset > 0).and_then(parse_content_range);
    if let Some((start, _)) = range.filter(|(start, _)| *start != offset) {
        return Err(Failure::Permanent(format!(
            "the server sent the bytes from {start} on, not those from {offset} on"
        )));
    }
    let is_chunked =
        text(header::TRANSFER_ENCODING).is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"));
    let by_length = response.body().content_length().map(|length| offset.saturating_add(length));
    let claimed = by_length.or(range.and_then(|(_, total)| total));
    match (claimed, size) {
        (Some(actual), Some(size)) if actual != size => {
            return Err(Failure::Permanent(format!("the file has {actual} bytes, expected {size}")));
        }
        (Some(actual), None) if actual > MAX_UNKNOWN_BYTES => {
            return Err(Failure::Permanent(format!("the file has {actual} bytes, which is far too many")));
        }
        _ => {}
    }
    let total = size.or(claimed);
    let max = total.unwrap_or(MAX_UNKNOWN_BYTES).saturating_sub(offset).saturating_add(1);
    let has_clear_end = total.is_some() || is_chunked;
    Ok(Response { offset, total, has_clear_end, bytes: response.into_body().into_reader().take(max) })
}

/// The first position, and the size of the complete file if it is known, of a header such as `bytes 100-199/200`.
fn parse_content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.trim().parse().ok()?, total.trim().parse().ok()))
}

/// What an error of a request, or of reading its response, means.
pub(super) fn failure(error: impl Into<ureq::Error>, options: &Options) -> Failure {
    use Failure::{Permanent, Transient};
    use ureq::Error;
    match error.into() {
        Error::StatusCode(code @ (408 | 425 | 429 | 500..)) => Transient(format!("HTTP status {code}")),
        Error::StatusCode(code) => Permanent(format!("HTTP status {code}")),
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            Permanent(format!("no connection within {:?}", options.timeout))
        }
        Error::Timeout(_) => Transient(format!("no answer for {:?}", options.timeout)),
        Error::HostNotFound => Permanent("cannot resolve the host name (is the network down?)".to_owned()),
        Error::Io(error) => match error.kind() {
            // `InvalidData` is a certificate that is not valid.
            ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::InvalidData => Permanent(format!("no connection ({error})")),
            _ => Transient(format!("the connection failed ({error})")),
        },
        // A connection that is lost within a chunk or a header looks like a protocol error.
        error @ Error::Protocol(_) => Transient(format!("invalid HTTP response ({error})")),
        error => Permanent(error.to_string()),
    }
}
