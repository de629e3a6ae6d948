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

    /// The feature that somebody must be able to use to open `app`. A port that the template declares
    /// is one like others, whatever listens there: who made the template has said so.
    pub fn feature(&self, app: AppName) -> Feature {
        match app {
            AppName::Port(port) if self.declares(port) => Feature::PortForward,
            _ => self.app(app).feature(),
        }
    }

    /// The feature behind which alone `port` is opened. It is `None` for a port like others, which may
    /// have a public hostname.
    pub fn kept_for(&self, port: u16) -> Option<Feature> {
        let feature = self.feature(AppName::Port(port));
        (feature != Feature::PortForward).then_some(feature)
    }

    fn declares(&self, port: u16) -> bool {
        self.ports.iter().any(|it| it.port == port)
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
    fn the_port_of_an_app_is_opened_by_whom_the_app_is_unless_the_template_declares_it() {
        let kept = |features: &[Feature], ports: &[(&str, u16)], port| {
            let (features, ports) = (features.iter().copied().collect(), declared(ports));
            let offer = Offer {
                features: &features,
                ports: &ports,
            };
            let kept = offer.kept_for(port);
            let opened_by = offer.feature(AppName::Port(port));
            assert_eq!(opened_by, kept.unwrap_or(Feature::PortForward));
            kept
        };
        assert_eq!(kept(&APPS, &[], CODE_PORT), Some(Feature::CodeServer));
        assert_eq!(kept(&APPS, &[], VNC_PORT), Some(Feature::Vnc));
        assert_eq!(kept(&APPS, &[], 8000), None);
        assert_eq!(kept(&[Feature::PortForward], &[], CODE_PORT), None);
        for declares in [[("code", CODE_PORT)], [("web", CODE_PORT)]] {
            assert_eq!(kept(&APPS, &declares, CODE_PORT), None);
            assert_eq!(kept(&APPS, &declares, VNC_PORT), Some(Feature::Vnc));
        }
        let elsewhere = [("code", 3000)];
        assert_eq!(kept(&APPS, &elsewhere, CODE_PORT), None);
        assert_eq!(kept(&APPS, &elsewhere, 3000), None);
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
