//! The hostnames through which the edge reaches spaces.
//!
//! | for | hostname |
//! |---|---|
//! | a tunnel | `<tunnel>--<user>.<tunnel domain>` |
//! | an app | `<app>--<space>--<user>.<app domain>` |
//!
//! The part before the domain is one DNS label of at most 63 characters, so that one wildcard
//! certificate covers all of them. A combination that would be longer is refused when the name is
//! chosen, not when somebody opens it.

use std::{fmt, str::FromStr};

use crate::{
    app::AppName,
    name::{LABEL_MAX, SpaceName, TunnelName, UserName},
};

/// Separates the names inside a label; no name contains it.
pub const SEPARATOR: &str = "--";

/// The longest name an app has: `files`, or a port of five digits.
pub const APP_NAME_MAX: usize = 5;

/// The names would make a label of more than 63 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("makes a part of a hostname too long: shorten it by at least {}", length - LABEL_MAX)]
pub struct LabelTooLong {
    /// How long the label would be.
    pub length: usize,
}

/// The first label of a tunnel's hostname.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TunnelLabel(String);

impl TunnelLabel {
    /// The label of `tunnel`, which belongs to `owner`.
    pub fn new(tunnel: &TunnelName, owner: &UserName) -> Result<Self, LabelTooLong> {
        let label = format!("{tunnel}{SEPARATOR}{owner}");
        fits(label.len()).map(|()| Self(label))
    }

    /// The whole hostname below `domain`.
    pub fn under(&self, domain: &str) -> String {
        format!("{}.{domain}", self.0)
    }
}

impl fmt::Display for TunnelLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first label of an app's hostname.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppLabel {
    /// The app.
    pub app: AppName,
    /// The space it belongs to.
    pub space: SpaceName,
    /// Whose space it is.
    pub owner: UserName,
}

/// The label names no app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the hostname of an app")]
pub struct AppLabelError;

impl AppLabel {
    /// The whole hostname below `domain`.
    pub fn under(&self, domain: &str) -> String {
        format!("{self}.{domain}")
    }

    /// Takes the hostname `host`, which is one label below `domain`, apart.
    pub fn of_host(host: &str, domain: &str) -> Result<Self, AppLabelError> {
        label_below(host, domain).ok_or(AppLabelError)?.parse()
    }

    /// What the labels of all apps of one space end in.
    pub fn of_space(space: &SpaceName, owner: &UserName) -> String {
        format!("{space}{SEPARATOR}{owner}")
    }
}

impl fmt::Display for AppLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { app, space, owner } = self;
        write!(f, "{app}{SEPARATOR}{space}{SEPARATOR}{owner}")
    }
}

impl FromStr for AppLabel {
    type Err = AppLabelError;

    fn from_str(label: &str) -> Result<Self, AppLabelError> {
        let mut names = label.split(SEPARATOR);
        match (names.next(), names.next(), names.next(), names.next()) {
            (Some(app), Some(space), Some(owner), None) => Ok(Self {
                app: app.parse().map_err(|_| AppLabelError)?,
                space: space.parse().map_err(|_| AppLabelError)?,
                owner: owner.parse().map_err(|_| AppLabelError)?,
            }),
            _ => Err(AppLabelError),
        }
    }
}

/// The part of `host` before `domain`, when it is one label.
pub fn label_below<'a>(host: &'a str, domain: &str) -> Option<&'a str> {
    let label = host.strip_suffix(domain)?.strip_suffix('.')?;
    (!label.is_empty() && !label.contains('.')).then_some(label)
}

/// Whether every app of `space` has a hostname that fits.
pub fn apps_fit(space: &SpaceName, owner: &UserName) -> Result<(), LabelTooLong> {
    fits(APP_NAME_MAX + 2 * SEPARATOR.len() + space.as_str().len() + owner.as_str().len())
}

fn fits(length: usize) -> Result<(), LabelTooLong> {
    if length > LABEL_MAX {
        Err(LabelTooLong { length })
    } else {
        Ok(())
    }
}

/// A host as a request names it, ready to be looked up: lower case, without port and trailing dot.
///
/// Returns `None` for what can't be a hostname. An IPv6 literal is no name of ours either.
pub fn normalize(authority: &str) -> Option<String> {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        Some(_) => return None,
        None => authority,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let plain = !host.is_empty()
        && host.len() <= 253
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    plain.then(|| host.to_ascii_lowercase())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse<T: std::str::FromStr<Err = crate::name::NameError>>(text: &str) -> T {
        text.parse().expect(text)
    }

    #[test]
    fn a_tunnel_is_one_label_below_its_domain() {
        let label = TunnelLabel::new(&parse("web"), &parse("ada")).expect("fits");
        assert_eq!(
            label.under("tunnels.localhost"),
            "web--ada.tunnels.localhost"
        );
    }

    #[test]
    fn an_app_is_one_label_below_its_domain() {
        let label = AppLabel {
            app: AppName::Port(8000),
            space: parse("lab"),
            owner: parse("ada"),
        };
        let host = label.under("apps.localhost");
        assert_eq!(host, "8000--lab--ada.apps.localhost");
        assert_eq!(AppLabel::of_host(&host, "apps.localhost"), Ok(label));
        for other in [
            "8000--lab--ada.apps.example",
            "8000--lab--adaapps.localhost",
            "x.8000--lab--ada.apps.localhost",
            "apps.localhost",
            ".apps.localhost",
            "lab--ada.apps.localhost",
            "0--lab--ada.apps.localhost",
            "shell--lab--ada.apps.localhost",
            "8000--lab--ada--b.apps.localhost",
            "8000--lab---ada.apps.localhost",
            "8000----ada.apps.localhost",
        ] {
            let parsed = AppLabel::of_host(other, "apps.localhost");
            assert_eq!(parsed, Err(AppLabelError), "{other}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_when_named() {
        let owner = parse::<UserName>(&"u".repeat(30));
        let tunnel = |n: usize| TunnelLabel::new(&parse(&"t".repeat(n)), &owner);
        assert!(tunnel(31).is_ok());
        assert_eq!(tunnel(32), Err(LabelTooLong { length: 64 }));
        assert!(apps_fit(&parse(&"s".repeat(24)), &owner).is_ok());
        assert_eq!(
            apps_fit(&parse(&"s".repeat(25)), &owner),
            Err(LabelTooLong { length: 64 })
        );
    }

    #[test]
    fn a_host_is_looked_up_without_case_port_and_final_dot() {
        for spelling in [
            "web--ada.t.example",
            "WEB--ada.T.example.",
            "web--ada.t.example:8443",
        ] {
            assert_eq!(normalize(spelling).as_deref(), Some("web--ada.t.example"));
        }
        for bad in [
            "",
            ".",
            ":8443",
            "a:b",
            "a b",
            "a/b",
            "[::1]:443",
            "a\u{e9}.example",
            "a:",
            "a:65536",
            "a:+1",
        ] {
            assert_eq!(normalize(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn two_pairs_of_names_never_share_a_label(
            a in "[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,2}", b in "[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,2}",
            c in "[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,2}", d in "[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,2}",
        ) {
            let one = TunnelLabel::new(&parse(&a), &parse(&b)).expect("fits");
            let two = TunnelLabel::new(&parse(&c), &parse(&d)).expect("fits");
            prop_assert_eq!(one == two, a == c && b == d);
        }

        #[test]
        fn an_apps_label_is_taken_apart_as_it_was_made(
            app in "code|vnc|term|files|[1-9][0-9]{0,3}",
            space in "[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,2}",
            owner in "[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,2}",
        ) {
            let label = AppLabel {
                app: app.parse().expect("an app"),
                space: parse(&space),
                owner: parse(&owner),
            };
            prop_assert_eq!(label.to_string().parse(), Ok(label));
        }

        #[test]
        fn no_authority_makes_the_parser_panic(text in "\\PC{0,300}") {
            let _ = normalize(&text);
        }
    }
}
