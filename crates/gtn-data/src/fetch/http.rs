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

/// Requests the bytes of a file of `size` bytes from `offset` on. Returns the offset at which the response starts, which
/// may be 0, and its bytes, of which at most one is too many.
pub(super) fn get(
    agent: &Agent,
    url: &str,
    offset: u64,
    size: u64,
    options: &Options,
) -> Result<(u64, impl Read + use<>), Failure> {
    let mut request = agent.get(url);
    if offset > 0 {
        request = request.header(header::RANGE, format!("bytes={offset}-"));
    }
    let response = request.call().map_err(|error| failure(error, options))?;
    let offset = if response.status() == StatusCode::PARTIAL_CONTENT { offset } else { 0 };
    match response.body().content_length().map(|length| offset.saturating_add(length)) {
        Some(actual) if actual != size => {
            Err(Failure::Permanent(format!("the file has {actual} bytes, expected {size}")))
        }
        _ => Ok((offset, response.into_body().into_reader().take(size - offset + 1))),
    }
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
