//! What an operator can set.
//!
//! A setting comes from the environment (`SPACEPORT_API_LISTEN`), else from `spaceport.toml`
//! (`api_listen`), else from its default. All mistakes are reported at once.

mod limits;
mod public_url;
mod ssh;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use spaceport_domain::{
    forwarding::{NetworkError, TrustedProxies},
    lifecycle::Deadlines,
};
use tracing_subscriber::EnvFilter;

pub use self::{limits::Limits, public_url::PublicUrl, ssh::PublicSsh};
use crate::{
    engine::{Enforcement, Firewall},
    store,
};

/// How long a browser stays in an app unless an operator says otherwise.
const APP_SIGN_IN_HOURS: u64 = 12;
/// How often agents are asked how apps are unless an operator says otherwise.
const APPS_EVERY: Duration = Duration::from_secs(5);
/// The longest time that is given in hours: a year.
const HOURS_MAX: u64 = 365 * 24;

/// Every setting of the control plane.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `SPACEPORT_API_LISTEN`: where the API listens.
    pub api_listen: SocketAddr,
    /// `SPACEPORT_API_PUBLIC_URL`: where browsers reach the API; by default where it listens.
    pub api_public_url: PublicUrl,
    /// `SPACEPORT_DATABASE_URL`: `sqlite:…` or `postgres://…`.
    pub database_url: String,
    /// `SPACEPORT_DATA_DIR`: keys, the embedded database and enforced volumes.
    pub data_dir: PathBuf,
    /// `SPACEPORT_APP_DOMAIN`: below it are the private hostnames of apps.
    pub app_domain: String,
    /// `SPACEPORT_TUNNEL_DOMAIN`: below it are the public hostnames of tunnels.
    pub tunnel_domain: String,
    /// `SPACEPORT_EDGE_PUBLIC_PORT`: the port in the URLs of tunnels and apps; by default that of
    /// `SPACEPORT_EDGE_LISTEN`.
    pub edge_public_port: u16,
    /// Where SSH clients reach the edge, if it serves SSH.
    pub ssh: Option<PublicSsh>,
    /// `SPACEPORT_EDGE_TOKEN`: what the edge signs in with; by default a file below the data
    /// directory.
    pub edge_token: Option<String>,
    /// `SPACEPORT_ADMIN_PASSWORD`: the first administrator's password; generated when absent.
    pub admin_password: Option<String>,
    /// `SPACEPORT_DOCKER_HOST`: `unix://…` or `tcp://…`.
    pub docker_host: Option<String>,
    /// `SPACEPORT_INSTALLATION`: tells this installation's containers from others' on the same
    /// engine; by default generated and kept below the data directory.
    pub installation: Option<String>,
    /// `SPACEPORT_AGENT_PROGRAM`: the program that every space is started with; by default
    /// `spaceport-agent` beside this program.
    pub agent_program: Option<PathBuf>,
    /// `SPACEPORT_VOLUME_ENFORCEMENT`: `auto` or `off`.
    pub volume_enforcement: Enforcement,
    /// `SPACEPORT_FIREWALL`: `managed` or `external`.
    pub firewall: Firewall,
    /// `SPACEPORT_START_TIMEOUT_SECONDS` and `SPACEPORT_STOP_TIMEOUT_SECONDS`.
    pub deadlines: Deadlines,
    /// `SPACEPORT_APP_SIGN_IN_HOURS`: how long a browser stays in an app at most before it is asked
    /// again who uses it.
    pub app_sign_in: Duration,
    /// `SPACEPORT_APPS_SECONDS`: how often the agents of running spaces are asked how their apps
    /// are.
    pub apps_every: Duration,
    /// `SPACEPORT_DEMO`: makes demo templates at the first start.
    pub demo: bool,
    /// `SPACEPORT_GRAPHIQL`: serves GraphiQL at `/graphiql`.
    pub graphiql: bool,
    /// `SPACEPORT_ALLOWED_ORIGINS`: origins, separated by commas, whose pages may open a WebSocket.
    pub allowed_origins: Vec<String>,
    /// `SPACEPORT_API_TRUSTED_PROXIES`: addresses and networks, separated by commas, whose word on
    /// clients' addresses is believed.
    pub trusted_proxies: TrustedProxies,
    /// `SPACEPORT_LOG`: what is logged, in the syntax of `tracing`'s filters.
    pub log: String,
    /// Bounds on clients.
    pub limits: Limits,
}

/// Everything that is wrong with the settings.
#[derive(Debug, thiserror::Error)]
#[error("the settings are not usable:\n{}", .0.join("\n"))]
pub struct SettingsError(pub Vec<String>);

impl Settings {
    /// Reads `spaceport.toml` (or the file `SPACEPORT_CONFIG` names) and the environment.
    pub fn load() -> Result<Self, SettingsError> {
        let environment: BTreeMap<String, String> = std::env::vars()
            .filter_map(|(key, value)| {
                Some((key.strip_prefix("SPACEPORT_")?.to_ascii_lowercase(), value))
            })
            .collect();
        let (path, required) = match environment.get("config") {
            Some(path) => (PathBuf::from(path), true),
            None => (PathBuf::from("spaceport.toml"), false),
        };
        let file = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if !required && error.kind() == std::io::ErrorKind::NotFound => {
                String::new()
            }
            Err(error) => {
                return Err(SettingsError(vec![format!("{}: {error}", path.display())]));
            }
        };
        Self::from_sources(&file, environment)
    }

    /// Reads settings from the text of a file and from environment variables, the latter in lower
    /// case and without their prefix.
    pub fn from_sources(
        file: &str,
        environment: BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(file, environment);
        let data_dir: PathBuf = reader.parse("data_dir", "data".into(), "a path");
        let edge_listen: SocketAddr = reader.parse(
            "edge_listen",
            ([127, 0, 0, 1], 8443).into(),
            "an address and a port",
        );
        let api_listen: SocketAddr = reader.parse(
            "api_listen",
            ([127, 0, 0, 1], 8080).into(),
            "an address and a port",
        );
        let app_domain = reader.domain("app_domain", "apps.localhost");
        let settings = Self {
            api_listen,
            api_public_url: reader.parse(
                "api_public_url",
                PublicUrl::of_listener(api_listen),
                "a URL like https://spaceport.example",
            ),
            database_url: reader.database_url(&data_dir),
            ssh: PublicSsh::read(&mut reader, &app_domain),
            app_domain,
            tunnel_domain: reader.domain("tunnel_domain", "tunnels.localhost"),
            edge_public_port: reader.parse("edge_public_port", edge_listen.port(), "a port"),
            edge_token: reader.text("edge_token"),
            admin_password: reader.text("admin_password"),
            docker_host: reader.text("docker_host"),
            installation: reader.installation(),
            agent_program: reader.text("agent_program").map(PathBuf::from),
            volume_enforcement: reader.choice(
                "volume_enforcement",
                &[("auto", Enforcement::Auto), ("off", Enforcement::Off)],
            ),
            firewall: reader.choice(
                "firewall",
                &[
                    ("managed", Firewall::Managed),
                    ("external", Firewall::External),
                ],
            ),
            deadlines: Deadlines {
                start: reader.seconds("start_timeout_seconds", Deadlines::default().start),
                stop: reader.seconds("stop_timeout_seconds", Deadlines::default().stop),
            },
            app_sign_in: reader.hours("app_sign_in_hours", APP_SIGN_IN_HOURS),
            apps_every: reader.seconds("apps_seconds", APPS_EVERY),
            demo: reader.choice("demo", &[("false", false), ("true", true)]),
            graphiql: reader.choice("graphiql", &[("false", false), ("true", true)]),
            allowed_origins: reader
                .text("allowed_origins")
                .map(|list| list.split(',').map(|it| it.trim().to_owned()).collect())
                .unwrap_or_default(),
            trusted_proxies: reader.trusted_proxies(),
            log: reader.log(),
            limits: Limits::read(&mut reader),
            data_dir,
        };
        if reader.mistakes.is_empty() {
            Ok(settings)
        } else {
            Err(SettingsError(reader.mistakes))
        }
    }

    /// The public address of a hostname at the edge.
    pub fn edge_url(&self, host: &str) -> String {
        match self.edge_public_port {
            443 => format!("https://{host}/"),
            port => format!("https://{host}:{port}/"),
        }
    }
}

struct Reader {
    values: BTreeMap<String, String>,
    mistakes: Vec<String>,
}

impl Reader {
    fn new(file: &str, environment: BTreeMap<String, String>) -> Self {
        let mut values = BTreeMap::new();
        let mut mistakes = Vec::new();
        match file.parse::<toml::Table>() {
            Ok(table) => {
                for (key, value) in table {
                    match value {
                        toml::Value::String(text) => {
                            values.insert(key, text);
                        }
                        toml::Value::Integer(_) | toml::Value::Boolean(_) => {
                            values.insert(key, value.to_string());
                        }
                        _ => mistakes.push(format!("{key}: must be a text, a number or a boolean")),
                    }
                }
            }
            Err(error) => mistakes.push(format!("the file is no TOML: {}", error.message())),
        }
        values.extend(environment);
        values.retain(|_, value| !value.is_empty());
        Self { values, mistakes }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.values.get(key).cloned()
    }

    fn mistake(&mut self, key: &str, what: &str) {
        let variable = key.to_ascii_uppercase();
        self.mistakes.push(format!(
            "SPACEPORT_{variable} (or {key} in the file): {what}"
        ));
    }

    fn parse<T: std::str::FromStr>(&mut self, key: &str, default: T, what: &str) -> T {
        match self.text(key).map(|text| text.parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => {
                self.mistake(key, &format!("must be {what}"));
                default
            }
        }
    }

    fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> T {
        let text = self.text(key);
        let chosen = match &text {
            None => choices.first(),
            Some(text) => choices.iter().find(|(name, _)| name == text),
        };
        if let Some((_, value)) = chosen {
            return *value;
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        self.mistake(key, &format!("must be one of {}", names.join(", ")));
        choices[0].1
    }

    fn seconds(&mut self, key: &str, default: Duration) -> Duration {
        let seconds = self.parse(key, default.as_secs(), "a number of seconds");
        if seconds == 0 || seconds > 86_400 {
            self.mistake(key, "must be from 1 to 86400 seconds");
        }
        Duration::from_secs(seconds)
    }

    fn hours(&mut self, key: &str, default: u64) -> Duration {
        let hours = self.parse(key, default, "a number of hours");
        if hours == 0 || hours > HOURS_MAX {
            self.mistake(key, &format!("must be from 1 to {HOURS_MAX} hours"));
        }
        Duration::from_hours(hours.min(HOURS_MAX))
    }

    fn domain(&mut self, key: &str, default: &str) -> String {
        let domain = self
            .text(key)
            .unwrap_or_else(|| default.to_owned())
            .to_ascii_lowercase();
        if spaceport_domain::hostname::normalize(&domain).as_deref() != Some(&domain) {
            self.mistake(key, "must be a domain without a port");
        }
        domain
    }

    fn database_url(&mut self, data_dir: &Path) -> String {
        let url = self
            .text("database_url")
            .unwrap_or_else(|| store::embedded_url(data_dir));
        if !["sqlite:", "postgres://", "postgresql://"]
            .iter()
            .any(|it| url.starts_with(it))
        {
            self.mistake("database_url", "must begin with sqlite: or postgres://");
        }
        url
    }

    fn trusted_proxies(&mut self) -> TrustedProxies {
        let key = "api_trusted_proxies";
        let read = self.text(key).unwrap_or_default().parse();
        read.unwrap_or_else(|error: NetworkError| {
            self.mistake(key, &error.to_string());
            TrustedProxies::default()
        })
    }

    fn log(&mut self) -> String {
        let filter = self.text("log");
        let filter = filter.unwrap_or_else(|| format!("info,{}", store::LOG));
        if let Err(error) = EnvFilter::try_new(&filter) {
            self.mistake("log", &error.to_string());
        }
        filter
    }

    fn installation(&mut self) -> Option<String> {
        let name = self.text("installation")?;
        let plain = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !plain || name.len() > 40 {
            self.mistake(
                "installation",
                "must be at most 40 lower-case letters, digits and hyphens",
            );
        }
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, environment: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let owned = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        Settings::from_sources(file, environment.iter().map(owned).collect())
    }

    #[test]
    fn the_environment_goes_before_the_file() {
        let settings = read(
            "api_listen = \"127.0.0.1:1\"\ntunnel_domain = \"t.example\"\nedge_public_port = 443",
            &[("api_listen", "127.0.0.1:2")],
        )
        .expect("usable");
        assert_eq!(settings.api_listen.port(), 2);
        assert_eq!(settings.edge_url("a.t.example"), "https://a.t.example/");
        assert_eq!(settings.database_url, "sqlite:data/spaceport.db");
    }

    #[test]
    fn one_address_has_a_share_of_the_connections_unless_told_otherwise() {
        let limits = |environment| read("", environment).expect("usable").limits;
        let shared = limits(&[("api_max_connections", "400")]);
        assert_eq!(shared.connections_per_address, 100);
        let told = limits(&[("api_max_connections_per_address", "7")]);
        assert_eq!(
            (told.connections, told.connections_per_address),
            (10_000, 7)
        );
    }

    #[test]
    fn ssh_is_where_the_edge_listens_unless_told_otherwise() {
        let ssh = |environment: &[_]| {
            let ssh = read("app_domain = \"a.example\"", environment)
                .expect("usable")
                .ssh;
            ssh.map(|ssh| (ssh.host, ssh.port))
        };
        let at = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(ssh(&[]), at("localhost", 2222));
        assert_eq!(ssh(&[("ssh_listen", "[::1]:22")]), at("localhost", 22));
        assert_eq!(ssh(&[("ssh_listen", "0.0.0.0:22")]), at("a.example", 22));
        let told = [
            ("ssh_listen", "0.0.0.0:2222"),
            ("ssh_public_host", "ssh.example"),
            ("ssh_public_port", "22"),
        ];
        assert_eq!(ssh(&told), at("ssh.example", 22));
        assert_eq!(ssh(&[("ssh_listen", "off")]), None);
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let error = read(
            "api_listen = \"here\"\ndemo = \"maybe\"\nx = []",
            &[
                ("tunnel_domain", "a b"),
                ("database_url", "mysql://x"),
                ("stop_timeout_seconds", "0"),
                ("installation", "Not this"),
                ("graphql_depth", "0"),
                ("api_trusted_proxies", "0.0.0.0/0"),
                ("log", "spaceport=loud"),
                ("app_sign_in_hours", "0"),
                ("apps_seconds", "0"),
                ("api_public_url", "spaceport.example"),
                ("ssh_listen", "on"),
                ("ssh_public_port", "ssh"),
            ],
        )
        .expect_err("unusable");
        assert_eq!(error.0.len(), 15, "{error}");
        assert!(error.to_string().contains("SPACEPORT_API_LISTEN"));
    }
}
