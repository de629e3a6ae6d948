//! Which installation a command is about, and as whom it is asked.

use std::path::PathBuf;

use crate::{
    api::{
        Api,
        operations::{FindSpace, find_space},
    },
    config::{self, Config, Installation},
    dial::Dialer,
    failure::Failure,
    http::Http,
    output::Output,
    place::SpaceRef,
};

/// What the command line and the environment say of the installation.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Its name in the configuration.
    pub installation: Option<String>,
    /// Its address, beside whatever is configured.
    pub url: Option<String>,
    /// A token, beside whoever is signed in.
    pub token: Option<String>,
    /// A PEM file of authorities.
    pub ca: Option<PathBuf>,
}

/// An installation, asked as one user.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its API.
    pub api: Api,
    /// Its name in the configuration, where it has one.
    pub name: Option<String>,
    /// Where results go.
    pub output: Output,
}

impl Wanted {
    /// The same as whoever is signed in: who signs in or out makes or takes back what is configured,
    /// and a token from the environment is none of their business.
    #[must_use]
    pub fn as_configured(&self) -> Self {
        Self {
            token: None,
            ..self.clone()
        }
    }

    /// The installation that is meant; with a name where it is configured.
    pub fn find(&self, config: &Config) -> Result<(Option<String>, Installation), Failure> {
        let name = self.installation.as_ref().or(config.default.as_ref());
        let known = name.and_then(|name| Some((name, config.installations.get(name)?)));
        if let (Some(name), None) = (&self.installation, known) {
            let message = format!("no installation is called {name}");
            return Err(Failure::not_found(message)
                .hint("sign in to one with `spaceport login <url> --name <name>`"));
        }
        let (name, mut found) = match (&self.url, known) {
            // An address that isn't the configured one gets none of its secrets.
            (Some(url), known) => {
                let url = crate::api::checked_url(url)?;
                let known = known
                    .filter(|(_, known)| known.url == url)
                    .or_else(|| config.installations.iter().find(|(_, it)| it.url == url));
                match known {
                    Some((name, known)) => (Some(name.clone()), known.clone()),
                    None => (
                        None,
                        Installation {
                            url,
                            ..Installation::default()
                        },
                    ),
                }
            }
            (None, Some((name, known))) => (Some(name.clone()), known.clone()),
            (None, None) => {
                return Err(Failure::not_signed_in("no installation is known"));
            }
        };
        if let Some(token) = &self.token {
            found.token = Some(token.clone());
            found.user = None;
        }
        if let Some(ca) = &self.ca {
            found.ca = Some(config::absolute(ca));
        }
        Ok((name, found))
    }

    /// Begins a session with the installation that is meant.
    pub fn session(&self, output: Output) -> Result<Session, Failure> {
        let (name, found) = self.find(&Config::load()?)?;
        if found.token.is_none() {
            let message = format!("nobody is signed in to {}", found.url);
            return Err(Failure::not_signed_in(message));
        }
        let http = Http::new(Dialer::new(found.ca.as_deref())?);
        Ok(Session {
            api: Api::new(&found.url, found.token, http)?,
            name,
            output,
        })
    }
}

impl Session {
    /// Everything about one space.
    pub async fn space(
        &self,
        space: &SpaceRef,
    ) -> Result<find_space::FindSpaceSpaceByName, Failure> {
        let variables = find_space::Variables {
            owner: space.owner.as_ref().map(|it| it.as_str().to_owned()),
            name: space.name.as_str().to_owned(),
        };
        let data = self.api.ask(FindSpace, variables).await?;
        data.space_by_name.ok_or_else(|| no_such_space(space))
    }
}

/// There is no such space, or none for who asks.
pub fn no_such_space(space: &SpaceRef) -> Failure {
    Failure::not_found(format!("there is no space {space}"))
        .hint("`spaceport space ls` lists them; somebody else's space is spelled <owner>/<space>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_only_to_the_address_it_was_given_by() {
        let home = Installation {
            url: "https://a.example".to_owned(),
            token: Some("secret".to_owned()),
            ..Installation::default()
        };
        let config = Config {
            default: Some("home".to_owned()),
            installations: [("home".to_owned(), home)].into(),
        };
        let found = |wanted: Wanted| wanted.find(&config).map(|it| it.1.token);
        let at = |url: &str| Wanted {
            url: Some(url.to_owned()),
            ..Wanted::default()
        };
        assert_eq!(found(Wanted::default()), Ok(Some("secret".to_owned())));
        assert_eq!(
            found(at("https://a.example/")),
            Ok(Some("secret".to_owned()))
        );
        assert_eq!(found(at("https://b.example")), Ok(None));
        assert_eq!(found(at("http://a.example")), Ok(None));
        let with_token = Wanted {
            token: Some("other".to_owned()),
            ..Wanted::default()
        };
        assert_eq!(found(with_token.clone()), Ok(Some("other".to_owned())));
        let configured = with_token.as_configured();
        assert_eq!(found(configured), Ok(Some("secret".to_owned())));
        let unknown = Wanted {
            installation: Some("work".to_owned()),
            ..Wanted::default()
        };
        assert!(found(unknown).is_err());
    }
}
