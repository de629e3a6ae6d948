//! What the operator decides about the edge.
//!
//! Every setting is an environment variable `SPACEPORT_<KEY>` or an entry `<key>` of
//! `spaceport.toml`. All of them are checked at start, and every mistake is reported at once.
//! Settings of the other plane share the names' prefix and are left alone.

mod acme;
pub mod limits;
mod source;
mod ssh;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    str::FromStr,
    thread,
    time::Duration,
};

use http::Uri;
use spaceport_domain::{forwarding::TrustedProxies, hostname};

pub use acme::AcmeSettings;
pub use limits::Limits;
pub use source::Source;
pub use ssh::{SshLimits, SshSettings};

/// Everything the edge is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `EDGE_LISTEN`: where visitors come in by TLS. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// `SSH_…`: where SSH clients come in, and what they may take.
    pub ssh: SshSettings,
    /// `EDGE_METRICS_LISTEN`: plain HTTP for health and metrics.
    pub metrics_listen: SocketAddr,
    /// `DATA_DIR`: the folder of certificates, the edge's token and the last known routes.
    pub data_dir: PathBuf,
    /// `APP_DOMAIN`: private app hostnames are one label below it.
    pub app_domain: String,
    /// `TUNNEL_DOMAIN`: public tunnel hostnames are one label below it.
    pub tunnel_domain: String,
    /// `API_URL`: the control plane, as the edge reaches it; by default where `API_LISTEN` says
    /// that it listens.
    pub api_url: ApiUrl,
    /// `API_PUBLIC_URL`: the control plane, as browsers reach it, without a final slash; by default
    /// where `API_LISTEN` says that it listens.
    pub api_public_url: String,
    /// `EDGE_APP_OFFLINE_SECONDS`: how long those who have signed in to apps are let in while the
    /// control plane isn't heard. `None`: as long as their sign-ins last.
    pub app_offline: Option<Duration>,
    /// `EDGE_TOKEN`: what the edge shows the control plane. `None`: it is read from a file.
    pub token: Option<EdgeToken>,
    /// `TLS_CERT` and `TLS_KEY`: PEM files to serve instead of the development CA's certificates,
    /// also to clients that ask for a name which nothing covers.
    pub tls_files: Option<TlsFiles>,
    /// `EDGE_TRUSTED_PROXIES`: whose word on visitors' addresses is believed; nobody's by default.
    pub trusted_proxies: TrustedProxies,
    /// `EDGE_PROXY_PROTOCOL`: connections of trusted proxies begin with a PROXY header.
    pub proxy_protocol: bool,
    /// `TLS_DIR`: a folder of more such pairs, `<name>.crt` or `<name>.pem` beside `<name>.key`.
    pub tls_dir: Option<PathBuf>,
    /// `ACME_…`: certificates made on demand for what no file covers; `None`: there are none.
    pub acme: Option<AcmeSettings>,
    /// `EDGE_WORKERS`: threads that carry traffic; as many as there are cores by default.
    pub workers: NonZeroUsize,
    /// `EDGE_DRAIN_SECONDS`: how long open connections may go on after a signal to stop.
    pub drain: Duration,
    /// `EDGE_UPGRADE_DRAIN_SECONDS`: how long open connections may go on after a successor has
    /// taken over the sockets.
    pub upgrade_drain: Duration,
    /// `EDGE_ALLOW_LOOPBACK_UPSTREAMS`: lets routes point to this machine. For tests and
    /// benchmarks only: with it, whoever controls a route reaches every local service.
    pub allow_loopback_upstreams: bool,
    /// The bounds on what visitors and spaces may take.
    pub limits: Limits,
    /// `LOG`: what is logged, in the syntax of `tracing`'s filters.
    pub log: String,
    /// `LOG_FORMAT`: how it is written.
    pub log_format: LogFormat,
    /// Settings named like the edge's that it doesn't know; most likely misspelt.
    pub unknown: Vec<String>,
}

/// Where the control plane is, in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiUrl {
    /// Its host, a name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl ApiUrl {
    /// Where it is, when the host is an address and no name.
    pub fn address(&self) -> Option<SocketAddr> {
        let host: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(host, self.port))
    }

    /// Host and port, as a `Host` field spells them.
    pub fn authority(&self) -> String {
        match self.host.parse() {
            Ok(IpAddr::V6(ip)) => format!("[{ip}]:{}", self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }
}

/// The two PEM files of a certificate that somebody else made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the edge's certificate first.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The edge's secret; its `Debug` doesn't tell it.
#[derive(Clone, PartialEq, Eq)]
pub struct EdgeToken(String);

impl EdgeToken {
    /// Takes the token out of `text`, which may end in a line break.
    ///
    /// Returns `None` when it is empty or can't be sent in a header.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let sendable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        sendable.then(|| Self(text.to_owned()))
    }

    /// The secret itself, for the `Authorization` header.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EdgeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EdgeToken(…)")
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Everything that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the settings are wrong:\n  {}", .problems.join("\n  "))]
pub struct SettingsError {
    /// One sentence for each mistake.
    pub problems: Vec<String>,
}

/// Settings whose names begin like the edge's own and that another program reads.
const FOREIGN_KEYS: [&str; 3] = ["EDGE_PUBLIC_PORT", "SSH_PUBLIC_HOST", "SSH_PUBLIC_PORT"];

/// No buffer or window is larger, in KiB: HTTP/2's windows end below 2 GiB (RFC 9113 §6.9.1).
const KIB_MAX: u32 = 1 << 20;

impl Settings {
    /// The settings of this process.
    pub fn load() -> Result<Self, SettingsError> {
        let source = Source::of_process().map_err(|problem| SettingsError {
            problems: vec![problem],
        })?;
        Self::parse(&source)
    }

    /// Understands `source`, or says everything that is wrong with it.
    pub fn parse(source: &Source) -> Result<Self, SettingsError> {
        let mut read = Reader::new(source);
        let settings = Self {
            listen: read.or("EDGE_LISTEN", "127.0.0.1:8443", address),
            ssh: ssh::ssh(&mut read),
            metrics_listen: read.or("EDGE_METRICS_LISTEN", "127.0.0.1:9090", address),
            data_dir: read.or("DATA_DIR", "./data", |it| Ok(PathBuf::from(it))),
            app_domain: read.or("APP_DOMAIN", "apps.localhost", domain),
            tunnel_domain: read.or("TUNNEL_DOMAIN", "tunnels.localhost", domain),
            api_url: api_url_or_listener(&mut read),
            api_public_url: api_public_url(&mut read),
            app_offline: read.maybe("EDGE_APP_OFFLINE_SECONDS", offline_seconds),
            token: read.maybe("EDGE_TOKEN", token),
            tls_files: tls_files(&mut read),
            trusted_proxies: read.or("EDGE_TRUSTED_PROXIES", "", trusted_proxies),
            proxy_protocol: read.or("EDGE_PROXY_PROTOCOL", "false", yes_no),
            tls_dir: read.maybe("TLS_DIR", |it| Ok(PathBuf::from(it))),
            acme: acme::acme(&mut read),
            workers: read.or("EDGE_WORKERS", &cores(), at_least_one),
            drain: read.or("EDGE_DRAIN_SECONDS", "10", seconds),
            upgrade_drain: read.or("EDGE_UPGRADE_DRAIN_SECONDS", "3600", seconds),
            allow_loopback_upstreams: read.or("EDGE_ALLOW_LOOPBACK_UPSTREAMS", "false", yes_no),
            limits: Limits::read(&mut read),
            log: read.or("LOG", "info,russh=error", |it| Ok(it.to_owned())),
            log_format: read.or("LOG_FORMAT", "text", log_format),
            unknown: Vec::new(),
        };
        let is_trust_missing =
            settings.proxy_protocol && settings.trusted_proxies == TrustedProxies::default();
        read.check(!is_trust_missing, || {
            "SPACEPORT_EDGE_PROXY_PROTOCOL needs SPACEPORT_EDGE_TRUSTED_PROXIES: nobody else is \
             believed"
                .to_owned()
        });
        read.check(settings.domains_are_apart(), || {
            format!(
                "SPACEPORT_TUNNEL_DOMAIN ({}) and SPACEPORT_APP_DOMAIN ({}) must differ, and \
                 neither may be below the other",
                settings.tunnel_domain, settings.app_domain
            )
        });
        let (known, problems) = read.finish();
        if !problems.is_empty() {
            return Err(SettingsError { problems });
        }
        let unknown = ["EDGE_", "TLS_", "ACME_", "SSH_"]
            .into_iter()
            .flat_map(|beginning| source.keys_beginning_with(beginning))
            .filter(|key| !known.contains(&key.as_str()) && !FOREIGN_KEYS.contains(&key.as_str()))
            .collect();
        Ok(Self {
            unknown,
            ..settings
        })
    }

    /// The file in which the control plane leaves the edge's token.
    pub fn token_file(&self) -> PathBuf {
        self.data_dir.join("edge.token")
    }

    /// The file in which the edge keeps the routes it last knew.
    pub fn routes_file(&self) -> PathBuf {
        self.data_dir.join("edge").join("routes.json")
    }

    /// The file in which the edge keeps the control plane's public keys.
    pub fn keys_file(&self) -> PathBuf {
        self.data_dir.join("edge").join("keys.json")
    }

    /// The socket at which a running edge hands over to its successor.
    pub fn takeover_socket(&self) -> PathBuf {
        self.data_dir.join("edge").join("takeover.sock")
    }

    /// The file of the key by which SSH clients know the edge.
    pub fn ssh_host_key_file(&self) -> PathBuf {
        self.data_dir.join("edge").join("ssh_host_ed25519_key")
    }

    /// The folder of the certificates that an ACME server made.
    pub fn acme_dir(&self) -> PathBuf {
        self.data_dir.join("edge").join("acme")
    }

    /// The folder of the development CA.
    pub fn ca_dir(&self) -> PathBuf {
        self.data_dir.join("ca")
    }

    /// Names of one domain must not be names of the other: they differ in who may see them.
    fn domains_are_apart(&self) -> bool {
        let below = |inner: &str, outer: &str| {
            inner
                .strip_suffix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        !below(&self.app_domain, &self.tunnel_domain)
            && !below(&self.tunnel_domain, &self.app_domain)
    }
}

/// Reads settings one by one and keeps what is wrong with them.
struct Reader<'a> {
    source: &'a Source,
    known: Vec<&'static str>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Source) -> Self {
        Self {
            source,
            known: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The setting, or the value of `default` when it is absent or wrong.
    fn or<T>(
        &mut self,
        key: &'static str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        self.maybe(key, &parse).unwrap_or_else(|| {
            parse(default).unwrap_or_else(|error| unreachable!("default of {key}: {error}"))
        })
    }

    fn maybe<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        match self.source.get(key) {
            Ok(None) => None,
            Ok(Some(found)) => parse(found.text.trim())
                .map_err(|why| self.problems.push(format!("{} {why}", found.place)))
                .ok(),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn check(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(problem());
        }
    }

    fn finish(self) -> (Vec<&'static str>, Vec<String>) {
        (self.known, self.problems)
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("must be an address and a port like 127.0.0.1:8443, not {text:?}"))
}

fn domain(text: &str) -> Result<String, String> {
    hostname::normalize(text)
        .filter(|host| !text.contains(':') && host.parse::<IpAddr>().is_err())
        .ok_or_else(|| format!("must be a domain name, not {text:?}"))
}

/// The edge reaches the API over the machine's own or a private network; TLS there can come later.
fn api_url(text: &str) -> Result<ApiUrl, String> {
    let wrong = || format!("must be a URL like http://127.0.0.1:8080, not {text:?}");
    let url: Uri = text.parse().map_err(|_| wrong())?;
    let plain = url.scheme_str() == Some("http") && url.path() == "/" && url.query().is_none();
    match url.host() {
        Some(host) if plain => Ok(ApiUrl {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_u16().unwrap_or(80),
        }),
        _ => Err(wrong()),
    }
}

/// On one machine both planes read the same settings, and `API_LISTEN` is enough.
fn api_url_or_listener(read: &mut Reader<'_>) -> ApiUrl {
    let listener = api_listener(read);
    read.maybe("API_URL", api_url).unwrap_or(listener)
}

fn api_listener(read: &mut Reader<'_>) -> ApiUrl {
    let listener = read.or("API_LISTEN", "127.0.0.1:8080", address);
    ApiUrl {
        host: match listener.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.to_string(),
            ip => ip.to_string(),
        },
        port: listener.port(),
    }
}

/// Where browsers are sent to sign in.
fn api_public_url(read: &mut Reader<'_>) -> String {
    let listener = api_listener(read);
    read.maybe("API_PUBLIC_URL", public_url)
        .unwrap_or_else(|| format!("http://{}", listener.authority()))
}

fn public_url(text: &str) -> Result<String, String> {
    let wrong = || format!("must be a URL like https://spaceport.example, not {text:?}");
    let url: Uri = text.parse().map_err(|_| wrong())?;
    let is_web = matches!(url.scheme_str(), Some("http" | "https"));
    match url.authority() {
        Some(authority) if is_web && url.path() == "/" && url.query().is_none() => {
            let scheme = url.scheme_str().unwrap_or("https");
            Ok(format!("{scheme}://{authority}"))
        }
        _ => Err(wrong()),
    }
}

/// A wrong token is not repeated in the message.
fn token(text: &str) -> Result<EdgeToken, String> {
    EdgeToken::parse(text).ok_or_else(|| "must be printable characters without spaces".to_owned())
}

fn tls_files(read: &mut Reader<'_>) -> Option<TlsFiles> {
    let path = |it: &str| Ok(Path::new(it).to_owned());
    let (chain, key) = (read.maybe("TLS_CERT", path), read.maybe("TLS_KEY", path));
    read.check(chain.is_some() == key.is_some(), || {
        "SPACEPORT_TLS_CERT and SPACEPORT_TLS_KEY must be given together".to_owned()
    });
    Some(TlsFiles {
        chain: chain?,
        key: key?,
    })
}

fn trusted_proxies(text: &str) -> Result<TrustedProxies, String> {
    text.parse()
        .map_err(|error| format!("must be addresses and networks, separated by commas: {error}"))
}

fn cores() -> String {
    thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .to_string()
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| format!("must be a whole number from 1, not {text:?}"))
}

/// A whole number from `least` on.
fn count_from<T>(least: T) -> impl Fn(&str) -> Result<T, String>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    move |text| {
        text.parse()
            .ok()
            .filter(|it| *it >= least)
            .ok_or_else(|| format!("must be a whole number from {least}, not {text:?}"))
    }
}

/// A whole number of KiB from `least` to [`KIB_MAX`], as bytes.
fn kib_from<T: TryFrom<u32>>(least: u32) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        text.parse()
            .ok()
            .filter(|it| (least..=KIB_MAX).contains(it))
            .and_then(|kib: u32| T::try_from(kib << 10).ok())
            .ok_or_else(|| {
                format!("must be a number of KiB from {least} to {KIB_MAX}, not {text:?}")
            })
    }
}

/// Up to a day, fractions allowed.
fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .filter(|it| (0.0..=86_400.0).contains(it))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| format!("must be a number of seconds up to 86400, not {text:?}"))
}

/// The control plane is heard every 12 s when there is no news.
fn offline_seconds(text: &str) -> Result<Duration, String> {
    Some(seconds(text)?)
        .filter(|it| *it >= Duration::from_secs(15))
        .ok_or_else(|| format!("must be at least 15 seconds, not {text:?}"))
}

fn some_seconds(text: &str) -> Result<Duration, String> {
    let duration = seconds(text)?;
    if duration.is_zero() {
        return Err("must be more than 0 seconds".to_owned());
    }
    Ok(duration)
}

fn yes_no(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(format!("must be true or false, not {text:?}")),
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("must be text or json, not {text:?}")),
    }
}

#[cfg(test)]
mod tests;
