//! The environment that programs in a space find.

use std::{collections::BTreeMap, env, os::unix::ffi::OsStringExt};

use spaceport_domain::agent::{ByteText, CONFIG_VARIABLE};

use crate::account::Account;

/// Where programs are looked for when the image says nothing.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<Vec<u8>, Vec<u8>>);

impl Environment {
    /// The environment of the space, which is the agent's own without what only the agent is told.
    pub fn of_space() -> Self {
        let variables = env::vars_os().map(|(name, value)| (name.into_vec(), value.into_vec()));
        let not_ours = |(name, _): &(Vec<u8>, _)| name != CONFIG_VARIABLE.as_bytes();
        Self(variables.filter(not_ours).collect())
    }

    /// The same for a user, as a sign-in makes it.
    ///
    /// A container engine sets `HOME` for whom it starts the agent as, which is root. Any other
    /// value is the image's own wish and stays.
    pub fn of_user(&self, account: &Account, home_of_root: &[u8]) -> Self {
        let mut environment = self.clone();
        let home = environment.0.get(b"HOME".as_slice());
        if home.is_none_or(|home| home == home_of_root || home.is_empty()) {
            environment.set("HOME", account.home.clone());
        }
        environment.set("USER", account.name.clone());
        environment.set("LOGNAME", account.name.clone());
        if let Some(shell) = account.shell() {
            environment.set("SHELL", shell);
        }
        let path = environment.0.entry(b"PATH".to_vec());
        path.or_insert_with(|| PATH.as_bytes().to_owned());
        environment
    }

    /// Sets a variable. A name or a value that no environment can hold is left out.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        let value = value.into();
        if !name.is_empty() && !name.contains(['=', '\0']) && !value.contains(&0) {
            self.0.insert(name.as_bytes().to_owned(), value);
        }
    }

    /// The home directory that is set.
    pub fn home(&self) -> Vec<u8> {
        let home = self.0.get(b"HOME".as_slice());
        home.cloned().unwrap_or_else(|| b"/".to_vec())
    }

    /// All variables.
    pub fn into_variables(self) -> Vec<(ByteText, ByteText)> {
        let variables = self.0.into_iter();
        variables
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"dev:x:7:7::/home/dev:/bin/sh\n";

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let mut environment = Environment::default();
        for (name, value) in variables {
            environment.set(name, *value);
        }
        environment
    }

    fn of_dev(variables: &[(&str, &str)]) -> Environment {
        let dev = Account::parse("dev", PASSWD, b"").expect("dev");
        environment(variables).of_user(&dev, b"/root")
    }

    #[test]
    fn the_home_of_root_is_nobody_elses() {
        assert_eq!(of_dev(&[("HOME", "/root")]).home(), b"/home/dev");
        assert_eq!(of_dev(&[]).home(), b"/home/dev");
        assert_eq!(of_dev(&[("HOME", "/srv")]).home(), b"/srv");
    }

    #[test]
    fn programs_are_found_also_where_the_image_says_nothing() {
        let path = |environment: &Environment| environment.0[b"PATH".as_slice()].clone();
        assert_eq!(path(&of_dev(&[])), PATH.as_bytes());
        assert_eq!(path(&of_dev(&[("PATH", "/x")])), b"/x");
    }

    #[test]
    fn what_no_environment_can_hold_is_left_out() {
        let all = environment(&[("A=B", "1"), ("", "1"), ("C", "a\0b"), ("D", "=")]);
        assert_eq!(all, environment(&[("D", "=")]));
    }
}
