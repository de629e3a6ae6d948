//! What runs in a space beside its command.

use serde::{Deserialize, Serialize};

use crate::{
    agent::{App, AppState, Status},
    template::{Blueprint, Feature},
};

/// An app that a space's agent runs, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpaceApp {
    /// What it is for.
    pub feature: Feature,
    /// How it is.
    #[serde(flatten)]
    pub app: App,
}

impl SpaceApp {
    /// The apps of a space of `blueprint` whose agent hasn't told of them yet.
    pub fn expected(blueprint: &Blueprint) -> Vec<Self> {
        let apps = blueprint.apps();
        let starting = |feature| Self {
            feature,
            app: App::new(AppState::Starting),
        };
        apps.iter()
            .filter_map(|name| Feature::of_app(name))
            .map(starting)
            .collect()
    }

    /// The apps of a space of `blueprint` by what its agent says, made fit to be told on. An agent
    /// that was started before there was an app doesn't run it, and what it makes up isn't one.
    pub fn told(blueprint: &Blueprint, status: &Status) -> Vec<Self> {
        let told = |name: &String| {
            let app = status.apps.get(name)?.clone().fit();
            let feature = Feature::of_app(name)?;
            let state = match app.state {
                AppState::Other => AppState::Starting,
                known => known,
            };
            let tunnel = app.tunnel.filter(|_| feature == Feature::VscodeTunnel);
            let app = App {
                state,
                tunnel,
                ..app
            };
            Some(Self { feature, app })
        };
        blueprint.apps().iter().filter_map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::VscodeTunnel;

    fn blueprint(features: &[Feature]) -> Blueprint {
        let blueprint = serde_json::json!({
            "image": "a:1", "command": [], "env": [], "cpuMillis": null, "memoryMib": null,
            "pids": 100, "volumes": [], "ports": [], "features": features, "computeUnits": 1,
            "variables": [],
        });
        serde_json::from_value(blueprint).expect("a blueprint")
    }

    fn status(apps: &[(&str, App)]) -> Status {
        let apps = apps.iter().cloned();
        Status {
            apps: apps.map(|(name, app)| (name.to_owned(), app)).collect(),
            ..Status::default()
        }
    }

    #[test]
    fn every_app_has_a_feature_and_starts() {
        let expected = SpaceApp::expected(&blueprint(&Feature::ALL));
        let features: Vec<_> = expected.iter().map(|it| it.feature).collect();
        let apps = [Feature::CodeServer, Feature::VscodeTunnel, Feature::Vnc];
        assert_eq!(features, apps);
        assert!(expected.iter().all(|it| it.app.state == AppState::Starting));
        assert!(SpaceApp::expected(&blueprint(&[Feature::Ssh])).is_empty());
    }

    #[test]
    fn only_what_the_template_has_is_believed_and_only_as_far_as_it_is_fit() {
        let connected = |url: &str| App {
            reason: Some("\u{1b}[31mx".to_owned()),
            tunnel: Some(VscodeTunnel::Connected {
                name: "a".to_owned(),
                url: Some(url.to_owned()),
            }),
            ..App::new(AppState::Other)
        };
        let says = status(&[
            ("code", connected("https://a")),
            ("vscode", connected("javascript:alert(1)")),
            ("vnc", App::new(AppState::Running)),
            ("else", App::new(AppState::Running)),
        ]);
        let has = blueprint(&[Feature::CodeServer, Feature::VscodeTunnel]);
        let [code, vscode] = &SpaceApp::told(&has, &says)[..] else {
            panic!("the template has two");
        };
        assert_eq!(code.app.tunnel, None, "it is none");
        let without_link = VscodeTunnel::Connected {
            name: "a".to_owned(),
            url: None,
        };
        assert_eq!(vscode.app.tunnel, Some(without_link));
        assert_eq!(vscode.app.reason.as_deref(), Some("x"));
        assert_eq!(vscode.app.state, AppState::Starting);
        assert_eq!(SpaceApp::told(&has, &status(&[])), []);
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let app = SpaceApp {
            feature: Feature::VscodeTunnel,
            app: App {
                tunnel: Some(VscodeTunnel::NotConfigured),
                ..App::new(AppState::Running)
            },
        };
        let written = serde_json::to_string(&app).expect("JSON");
        assert_eq!(
            serde_json::from_str::<SpaceApp>(&written).expect("read"),
            app
        );
    }
}
