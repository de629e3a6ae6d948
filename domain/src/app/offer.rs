//! What of a space its template offers as apps.

use std::collections::BTreeSet;

use super::{AppName, CODE_PORT, VNC_PORT};
use crate::template::{Feature, PortDeclaration};

/// What a template says of its spaces' apps.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// What it enables.
    pub features: &'a BTreeSet<Feature>,
    /// The ports it declares.
    pub ports: &'a [PortDeclaration],
}

impl Offer<'_> {
    /// What is opened as `app`: the port at which the editor or the desktop listens is the same app
    /// by another name.
    pub fn app(&self, app: AppName) -> AppName {
        let AppName::Port(port) = app else {
            return app;
        };
        let mut served = [(AppName::Code, CODE_PORT), (AppName::Vnc, VNC_PORT)].into_iter();
        let behind = served.find(|(served, usual)| {
            let listens = served.named_port(self.ports).unwrap_or(*usual);
            self.features.contains(&served.feature()) && listens == port
        });
        behind.map_or(app, |(served, _)| served)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPS: [Feature; 3] = [Feature::CodeServer, Feature::Vnc, Feature::PortForward];

    fn declared(ports: &[(&str, u16)]) -> Vec<PortDeclaration> {
        let port = |(name, port): &(&str, u16)| PortDeclaration {
            name: (*name).to_owned(),
            port: *port,
        };
        ports.iter().map(port).collect()
    }

    fn opened(features: &[Feature], ports: &[(&str, u16)], port: u16) -> AppName {
        let offer = Offer {
            features: &features.iter().copied().collect(),
            ports: &declared(ports),
        };
        offer.app(AppName::Port(port))
    }

    #[test]
    fn a_port_that_serves_an_app_is_that_app() {
        assert_eq!(opened(&APPS, &[], CODE_PORT), AppName::Code);
        assert_eq!(opened(&APPS, &[], VNC_PORT), AppName::Vnc);
        assert_eq!(opened(&APPS, &[], 8000), AppName::Port(8000));
        // Where the template's command serves them.
        let ports = [("code", 3000), ("vnc", 6080), ("web", CODE_PORT)];
        assert_eq!(opened(&APPS, &ports, 3000), AppName::Code);
        assert_eq!(opened(&APPS, &ports, 6080), AppName::Vnc);
        for port in [CODE_PORT, VNC_PORT] {
            assert_eq!(opened(&APPS, &ports, port), AppName::Port(port));
            // Nothing serves what isn't enabled.
            let without = opened(&[Feature::PortForward], &[], port);
            assert_eq!(without, AppName::Port(port));
        }
    }

    #[test]
    fn a_name_is_what_it_says() {
        let offer = Offer {
            features: &BTreeSet::new(),
            ports: &[],
        };
        for app in [AppName::Code, AppName::Vnc, AppName::Term, AppName::Files] {
            assert_eq!(offer.app(app), app);
            assert!(app.is_alone());
        }
        assert!(!offer.app(AppName::Port(8000)).is_alone());
    }
}
