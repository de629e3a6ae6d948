//! A template as somebody wrote it, and everything that may be wrong with it.

use std::collections::BTreeSet;

use super::{
    blueprint::{Blueprint, EnvVar, Feature, PortDeclaration, Variable, VolumeDeclaration},
    variables::{PARAMETER_MAX_BYTES, is_variable_name, used_in},
};
use crate::{
    agent::{CONFIG_VARIABLE, PORT},
    name::PartName,
    problem::Problem,
};

/// Processes and threads of a space whose template doesn't say.
pub const DEFAULT_PIDS: u32 = 4096;
/// The least memory a container can be given, in MiB: what the engine itself demands.
pub const MEMORY_MIN_MIB: i64 = 6;
/// The largest declared volume, in GiB.
pub const VOLUME_MAX_GIB: i64 = 16 * 1024;
const MEMORY_MAX_MIB: i64 = 16 * 1024 * 1024;
const CPU_MIN: f64 = 0.01;
const CPU_MAX: f64 = 1024.0;
const PIDS_MAX: i64 = 4 * 1024 * 1024;
const UNITS_MAX: i64 = 1_000_000;
pub(super) const LIST_MAX: usize = 64;
const TEXT_MAX_BYTES: usize = 4096;

/// A template version as somebody wrote it.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// See [`Blueprint::image`].
    pub image: String,
    /// See [`Blueprint::command`].
    pub command: Vec<String>,
    /// See [`Blueprint::env`].
    pub env: Vec<EnvVar>,
    /// Limit on CPU time in cores.
    pub cpu: Option<f64>,
    /// See [`Blueprint::memory_mib`].
    pub memory_mib: Option<i64>,
    /// See [`Blueprint::pids`].
    pub pids: Option<i64>,
    /// See [`Blueprint::volumes`].
    pub volumes: Vec<VolumeDraft>,
    /// Names and numbers of ports.
    pub ports: Vec<(String, i64)>,
    /// See [`Blueprint::features`].
    pub features: Vec<Feature>,
    /// See [`Blueprint::compute_units`].
    pub compute_units: i64,
    /// See [`Blueprint::variables`].
    pub variables: Vec<Variable>,
}

/// A volume as somebody wrote it.
#[derive(Clone, Debug)]
pub struct VolumeDraft {
    /// See [`VolumeDeclaration::name`].
    pub name: String,
    /// See [`VolumeDeclaration::mount_path`].
    pub mount_path: String,
    /// See [`VolumeDeclaration::size_gib`]; a fraction is rounded up.
    pub size_gib: f64,
}

impl Draft {
    /// The blueprint this draft describes, or every mistake with its field.
    pub fn validate(self) -> Result<Blueprint, Vec<Problem>> {
        let mut mistakes = Mistakes::default();
        self.check_image(&mut mistakes);
        self.check_command(&mut mistakes);
        self.check_env(&mut mistakes);
        self.check_variables(&mut mistakes);
        let cpu_millis = mistakes.cpu(self.cpu);
        let memory_mib = self
            .memory_mib
            .map(|mib| mistakes.integer(&["memoryMib"], mib, MEMORY_MIN_MIB, MEMORY_MAX_MIB));
        let pids = self
            .pids
            .map(|pids| mistakes.integer(&["pids"], pids, 1, PIDS_MAX));
        let compute_units = mistakes.integer(&["computeUnits"], self.compute_units, 0, UNITS_MAX);
        let volumes = mistakes.volumes(&self.volumes);
        let ports = mistakes.ports(&self.ports);
        if !mistakes.0.is_empty() {
            return Err(mistakes.0);
        }
        Ok(Blueprint {
            image: self.image,
            command: self.command,
            env: self.env,
            cpu_millis,
            memory_mib,
            pids: pids.unwrap_or(DEFAULT_PIDS),
            volumes,
            ports,
            features: self.features.into_iter().collect(),
            compute_units,
            variables: self.variables,
        })
    }

    fn check_image(&self, mistakes: &mut Mistakes) {
        // The shape of an image reference is the engine's business; what can't be one is refused.
        let plain = self.image.bytes().all(|b| b.is_ascii_graphic());
        if self.image.is_empty() {
            mistakes.add(&["image"], "must not be empty");
        } else if !plain || self.image.len() > 255 || self.image.starts_with('-') {
            mistakes.add(&["image"], "is not the name of an image");
        }
    }

    fn check_command(&self, mistakes: &mut Mistakes) {
        mistakes.length(&["command"], self.command.len());
        for (index, word) in self.command.iter().enumerate() {
            let at = ["command", &index.to_string()];
            mistakes.text(&at, word, PARAMETER_MAX_BYTES);
            self.check_uses(&at, word, mistakes);
        }
        if self.command.first().is_some_and(String::is_empty) {
            mistakes.add(&["command", "0"], "must not be empty");
        }
    }

    fn check_env(&self, mistakes: &mut Mistakes) {
        mistakes.length(&["env"], self.env.len());
        for (index, env) in self.env.iter().enumerate() {
            let index_text = index.to_string();
            if !is_variable_name(&env.name) {
                mistakes.add(
                    &["env", &index_text, "name"],
                    "must be letters, digits and underscores, and not begin with a digit",
                );
            } else if self.env[..index]
                .iter()
                .any(|earlier| earlier.name == env.name)
            {
                mistakes.add(&["env", &index_text, "name"], "is used twice");
            } else if env.name == CONFIG_VARIABLE {
                mistakes.add(&["env", &index_text, "name"], "is Spaceport's own");
            }
            let at = ["env", &index_text, "value"];
            mistakes.text(&at, &env.value, PARAMETER_MAX_BYTES);
            self.check_uses(&at, &env.value, mistakes);
        }
    }

    fn check_variables(&self, mistakes: &mut Mistakes) {
        mistakes.length(&["variables"], self.variables.len());
        for (index, variable) in self.variables.iter().enumerate() {
            let index_text = index.to_string();
            let at = ["variables", &index_text, "name"];
            if !is_variable_name(&variable.name) {
                mistakes.add(
                    &at,
                    "must be letters, digits and underscores, and not begin with a digit",
                );
            } else if self.variables[..index]
                .iter()
                .any(|it| it.name == variable.name)
            {
                mistakes.add(&at, "is used twice");
            }
            let at = ["variables", &index_text, "description"];
            mistakes.text(&at, &variable.description, TEXT_MAX_BYTES);
            if variable.secret && variable.default.is_some() {
                // A default is readable by everybody who may read the template.
                mistakes.add(
                    &["variables", &index_text, "default"],
                    "a secret has no default",
                );
            }
        }
    }

    fn check_uses(&self, at: &[&str], text: &str, mistakes: &mut Mistakes) {
        for name in used_in(text) {
            if !self.variables.iter().any(|variable| variable.name == name) {
                mistakes.add(
                    at,
                    &format!("uses the variable {name}, which is not declared"),
                );
            }
        }
    }
}

#[derive(Default)]
struct Mistakes(Vec<Problem>);

impl Mistakes {
    fn add(&mut self, path: &[&str], message: &str) {
        self.0.push(Problem::input(path.iter().copied(), message));
    }

    fn integer(&mut self, path: &[&str], value: i64, min: i64, max: i64) -> u32 {
        if !(min..=max).contains(&value) {
            self.add(path, &format!("must be from {min} to {max}"));
        }
        u32::try_from(value).unwrap_or(0)
    }

    fn cpu(&mut self, cores: Option<f64>) -> Option<u32> {
        let cores = cores?;
        if !(CPU_MIN..=CPU_MAX).contains(&cores) {
            self.add(
                &["cpu"],
                &format!("must be from {CPU_MIN} to {CPU_MAX} cores"),
            );
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range was checked above"
        )]
        Some((cores * 1000.0).round() as u32)
    }

    fn length(&mut self, path: &[&str], length: usize) {
        if length > LIST_MAX {
            self.add(path, &format!("must have at most {LIST_MAX} entries"));
        }
    }

    fn text(&mut self, path: &[&str], text: &str, max_bytes: usize) {
        if text.len() > max_bytes {
            self.add(path, &format!("must be at most {max_bytes} bytes long"));
        }
        if text.contains('\0') {
            self.add(path, "must not contain a zero byte");
        }
    }

    fn part_name(&mut self, path: &[&str], name: &str, earlier: &[String]) {
        if let Err(error) = name.parse::<PartName>() {
            self.add(path, &error.to_string());
        } else if earlier.iter().any(|it| it == name) {
            self.add(path, "is used twice");
        }
    }

    fn volumes(&mut self, drafts: &[VolumeDraft]) -> Vec<VolumeDeclaration> {
        self.length(&["volumes"], drafts.len());
        let names: Vec<_> = drafts.iter().map(|it| it.name.clone()).collect();
        let mut seen_paths = BTreeSet::new();
        let mut volumes = Vec::new();
        for (index, draft) in drafts.iter().enumerate() {
            let at = index.to_string();
            self.part_name(&["volumes", &at, "name"], &draft.name, &names[..index]);
            if let Some(mistake) = mount_path_mistake(&draft.mount_path) {
                self.add(&["volumes", &at, "mountPath"], mistake);
            } else if !seen_paths.insert(draft.mount_path.trim_end_matches('/').to_owned()) {
                self.add(&["volumes", &at, "mountPath"], "is used twice");
            }
            let size_gib = self.size_gib(&["volumes", &at, "sizeGib"], draft.size_gib);
            volumes.push(VolumeDeclaration {
                name: draft.name.clone(),
                mount_path: draft.mount_path.clone(),
                size_gib,
            });
        }
        volumes
    }

    fn size_gib(&mut self, path: &[&str], size_gib: f64) -> u32 {
        #[expect(clippy::cast_precision_loss, reason = "the bound is far below 2^52")]
        if !(size_gib > 0.0 && size_gib <= VOLUME_MAX_GIB as f64) {
            self.add(
                path,
                &format!("must be more than 0 and at most {VOLUME_MAX_GIB} GiB"),
            );
            return 0;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range was checked above"
        )]
        {
            size_gib.ceil() as u32
        }
    }

    fn ports(&mut self, drafts: &[(String, i64)]) -> Vec<PortDeclaration> {
        self.length(&["ports"], drafts.len());
        let names: Vec<_> = drafts.iter().map(|(name, _)| name.clone()).collect();
        let mut ports: Vec<PortDeclaration> = Vec::new();
        for (index, (name, number)) in drafts.iter().enumerate() {
            let at = index.to_string();
            self.part_name(&["ports", &at, "name"], name, &names[..index]);
            let port = match u16::try_from(*number) {
                Ok(PORT) => {
                    self.add(&["ports", &at, "port"], "is the port of the space's agent");
                    continue;
                }
                Ok(port) if port > 0 => port,
                _ => {
                    self.add(&["ports", &at, "port"], "must be from 1 to 65535");
                    continue;
                }
            };
            if ports.iter().any(|earlier| earlier.port == port) {
                self.add(&["ports", &at, "port"], "is used twice");
            }
            ports.push(PortDeclaration {
                name: name.clone(),
                port,
            });
        }
        ports
    }
}

/// Why a volume can't be mounted at `path`.
fn mount_path_mistake(path: &str) -> Option<&'static str> {
    let reserved = ["/proc", "/sys", "/dev", "/.spaceport"];
    let below =
        |top: &str| path == top || path.strip_prefix(top).is_some_and(|it| it.starts_with('/'));
    if !path.starts_with('/') {
        Some("must be an absolute path")
    } else if path.trim_end_matches('/').is_empty() {
        Some("must not be the root of the file system")
    } else if path.len() > 255 || path.bytes().any(|b| b.is_ascii_control() || b == b':') {
        Some("must be at most 255 bytes long, without colons and control characters")
    } else if path.split('/').any(|part| part == "." || part == "..") || path.contains("//") {
        Some("must not contain empty parts, '.' or '..'")
    } else if reserved.into_iter().any(below) {
        Some("must not be below /proc, /sys, /dev or /.spaceport")
    } else {
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            image: "spaceport/base".to_owned(),
            compute_units: 1,
            ..Draft::default()
        }
    }

    pub(in crate::template) fn blueprint() -> Blueprint {
        draft().validate().expect("valid")
    }

    fn paths(draft: Draft) -> Vec<String> {
        draft
            .validate()
            .expect_err("invalid")
            .into_iter()
            .map(|it| it.path.join("."))
            .collect()
    }

    fn volume(name: &str, mount_path: &str, size_gib: f64) -> VolumeDraft {
        VolumeDraft {
            name: name.to_owned(),
            mount_path: mount_path.to_owned(),
            size_gib,
        }
    }

    #[test]
    fn a_plain_draft_gets_the_defaults() {
        let blueprint = blueprint();
        assert_eq!(blueprint.pids, DEFAULT_PIDS);
        assert_eq!((blueprint.cpu_millis, blueprint.memory_mib), (None, None));
        assert_eq!(blueprint.storage_units(), 0);
    }

    #[test]
    fn storage_is_rounded_up_for_each_volume() {
        let volumes = vec![volume("a", "/a", 0.5), volume("b", "/b", 2.1)];
        let blueprint = Draft { volumes, ..draft() }.validate().expect("valid");
        assert_eq!(blueprint.storage_units(), 4);
    }

    #[test]
    fn every_mistake_is_named_with_its_field_at_once() {
        let env = |name: &str, value: &str| EnvVar {
            name: name.into(),
            value: value.into(),
        };
        let draft = Draft {
            image: String::new(),
            command: vec![String::new(), "${MISSING}".to_owned()],
            env: vec![env("1A", ""), env("A", ""), env("A", "")],
            cpu: Some(f64::NAN),
            memory_mib: Some(1),
            pids: Some(0),
            volumes: vec![
                volume("data", "/data", 1.0),
                volume("data", "/data/", 0.0),
                volume("x", "data", -1.0),
            ],
            ports: vec![("web".into(), 0), ("Web".into(), 80), ("other".into(), 80)],
            features: Vec::new(),
            compute_units: -1,
            variables: vec![Variable {
                name: "S".into(),
                description: String::new(),
                default: Some("visible".into()),
                secret: true,
            }],
        };
        assert_eq!(
            paths(draft),
            [
                "image",
                "command.1",
                "command.0",
                "env.0.name",
                "env.2.name",
                "variables.0.default",
                "cpu",
                "memoryMib",
                "pids",
                "computeUnits",
                "volumes.1.name",
                "volumes.1.mountPath",
                "volumes.1.sizeGib",
                "volumes.2.mountPath",
                "volumes.2.sizeGib",
                "ports.0.port",
                "ports.1.name",
                "ports.2.port",
            ]
        );
    }

    #[test]
    fn a_volume_can_not_hide_what_the_kernel_or_the_image_needs() {
        for path in [
            "/",
            "//",
            "/proc",
            "/sys/x",
            "/dev/shm",
            "/.spaceport",
            "/a/../b",
            "/a//b",
            "a",
            "/a:b",
        ] {
            assert!(mount_path_mistake(path).is_some(), "{path}");
        }
        for path in ["/data", "/home/dev/work", "/devices", "/srv/"] {
            assert!(mount_path_mistake(path).is_none(), "{path}");
        }
    }
}
