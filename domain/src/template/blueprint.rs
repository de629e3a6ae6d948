//! A template version that is known to be whole.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    app::Offer,
    problem::{Problem, ProblemCode},
};

/// A way into a space, or something it offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Feature {
    /// A terminal in the browser.
    Terminal,
    /// SSH with the stock client.
    Ssh,
    /// The editor in the browser.
    CodeServer,
    /// Visual Studio Code's own tunnel.
    VscodeTunnel,
    /// A desktop in the browser.
    Vnc,
    /// Ports of the space, in the browser behind a sign-in and on the user's own machine.
    PortForward,
    /// Public hostnames for ports of the space.
    Tunnels,
    /// Copying files in and out.
    Files,
}

impl Feature {
    /// Every feature.
    pub const ALL: [Self; 8] = [
        Self::Terminal,
        Self::Ssh,
        Self::CodeServer,
        Self::VscodeTunnel,
        Self::Vnc,
        Self::PortForward,
        Self::Tunnels,
        Self::Files,
    ];

    /// The spelling in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Terminal => "TERMINAL",
            Self::Ssh => "SSH",
            Self::CodeServer => "CODE_SERVER",
            Self::VscodeTunnel => "VSCODE_TUNNEL",
            Self::Vnc => "VNC",
            Self::PortForward => "PORT_FORWARD",
            Self::Tunnels => "TUNNELS",
            Self::Files => "FILES",
        }
    }

    /// The program of an image that serves it ([`crate::agent::Config::apps`]), if one does.
    pub const fn app(self) -> Option<&'static str> {
        match self {
            Self::CodeServer => Some("code"),
            Self::Vnc => Some("vnc"),
            Self::VscodeTunnel => Some("vscode"),
            Self::Terminal | Self::Ssh | Self::PortForward | Self::Tunnels | Self::Files => None,
        }
    }

    /// What the program of this name serves.
    pub fn of_app(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.app() == Some(name))
    }
}

/// One validated, immutable version of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Blueprint {
    /// The image, as the engine names it.
    pub image: String,
    /// The command and its arguments; empty means the image's own.
    pub command: Vec<String>,
    /// Environment variables.
    pub env: Vec<EnvVar>,
    /// Limit on CPU time, in thousandths of a core.
    pub cpu_millis: Option<u32>,
    /// Limit on memory in MiB.
    pub memory_mib: Option<u32>,
    /// Limit on processes and threads.
    pub pids: u32,
    /// Volumes that outlive the container.
    pub volumes: Vec<VolumeDeclaration>,
    /// Ports that mean something to users of the space.
    pub ports: Vec<PortDeclaration>,
    /// Enabled features.
    pub features: BTreeSet<Feature>,
    /// What a space consumes while it is starting, running or stopping.
    pub compute_units: u32,
    /// What a space's parameters may fill.
    pub variables: Vec<Variable>,
}

impl Blueprint {
    /// What of a space it offers as apps.
    pub fn offer(&self) -> Offer<'_> {
        Offer {
            features: &self.features,
            ports: &self.ports,
        }
    }

    /// What a space consumes until it is deleted: the declared GiB of all volumes.
    pub fn storage_units(&self) -> i64 {
        self.volumes
            .iter()
            .map(|volume| i64::from(volume.size_gib))
            .sum()
    }

    /// What is wrong with it when its image `has` programs for these apps and no others.
    pub fn lacks(&self, has: &BTreeSet<String>) -> Option<Problem> {
        let lacking = self.apps().into_iter().filter(|app| !has.contains(app));
        let lacking: Vec<_> = lacking
            .filter_map(|app| Some(Feature::of_app(&app)?.as_str()))
            .collect();
        if lacking.is_empty() {
            return None;
        }
        let message = format!(
            "the image {} has no program for {}",
            self.image,
            lacking.join(", ")
        );
        Some(Problem::new(ProblemCode::FeatureUnavailable, message).at(["features"]))
    }

    /// The programs of the image that run beside the command ([`crate::agent::Config::apps`]): one
    /// for each enabled feature that has one. Where the template declares a port for an app, its
    /// command serves it and no program of the image is in its way.
    pub fn apps(&self) -> Vec<String> {
        let declared = |name: &str| self.ports.iter().any(|port| port.name == name);
        // Visual Studio Code's tunnel leads to Microsoft's relay and is served at no port.
        let is_run =
            |feature: Feature, name: &str| feature == Feature::VscodeTunnel || !declared(name);
        let apps = self.features.iter().filter_map(|feature| {
            let name = feature.app()?;
            is_run(*feature, name).then(|| name.to_owned())
        });
        apps.collect()
    }
}

/// An environment variable; its value may use template variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A volume each space of the template gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeDeclaration {
    /// Its name inside the template.
    pub name: String,
    /// The absolute path it is mounted at.
    pub mount_path: String,
    /// Its size in GiB.
    pub size_gib: u32,
}

/// A port that means something to users of the space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortDeclaration {
    /// What is there.
    pub name: String,
    /// Its number inside the space.
    pub port: u16,
}

/// Something a space's parameters may fill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Its name, used as `${NAME}`.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it is when no parameter fills it. Without a default a parameter is required.
    pub default: Option<String>,
    /// Whether its value is never shown again.
    pub secret: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blueprint(features: &[Feature], ports: &[&str]) -> Blueprint {
        let port = |name: &&str| PortDeclaration {
            name: (*name).to_owned(),
            port: 3000,
        };
        Blueprint {
            image: "a:1".to_owned(),
            command: Vec::new(),
            env: Vec::new(),
            cpu_millis: None,
            memory_mib: None,
            pids: 100,
            volumes: Vec::new(),
            ports: ports.iter().map(port).collect(),
            features: features.iter().copied().collect(),
            compute_units: 1,
            variables: Vec::new(),
        }
    }

    #[test]
    fn apps_run_for_the_features_that_have_one() {
        assert_eq!(
            blueprint(&Feature::ALL, &["web"]).apps(),
            ["code", "vscode", "vnc"]
        );
        let others = [Feature::Terminal, Feature::Files, Feature::PortForward];
        assert!(blueprint(&others, &[]).apps().is_empty());
        assert_eq!(blueprint(&[Feature::Vnc], &[]).apps(), ["vnc"]);
    }

    #[test]
    fn what_the_command_serves_itself_is_not_run_as_well() {
        let all = Feature::ALL;
        assert_eq!(blueprint(&all, &["code"]).apps(), ["vscode", "vnc"]);
        assert_eq!(blueprint(&all, &["vnc", "code"]).apps(), ["vscode"]);
        // No port serves the tunnel.
        assert_eq!(blueprint(&all, &["vscode"]).apps().len(), 3);
    }

    #[test]
    fn a_feature_needs_a_program_of_the_image_unless_the_command_serves_it() {
        let has = |apps: &[&str]| apps.iter().map(|&app| app.to_owned()).collect();
        let all = blueprint(&Feature::ALL, &[]);
        assert_eq!(all.lacks(&has(&["vnc", "code", "vscode", "x"])), None);
        let problem = all.lacks(&has(&["code"])).expect("it lacks two");
        assert_eq!(problem.code, ProblemCode::FeatureUnavailable);
        assert_eq!(problem.path, ["features"]);
        let message = "the image a:1 has no program for VSCODE_TUNNEL, VNC";
        assert_eq!(problem.message, message);
        let served = blueprint(&[Feature::CodeServer, Feature::Ssh], &["code"]);
        assert_eq!(served.lacks(&has(&[])), None);
    }

    #[test]
    fn features_are_spelled_as_they_are_kept() {
        for feature in Feature::ALL {
            let kept = serde_json::to_string(&feature).expect("serialises");
            assert_eq!(kept, format!("\"{}\"", feature.as_str()));
        }
    }
}
