//! The names and labels by which objects in the engine are recognised.
//!
//! All of them are derived from identifiers: whoever repeats a call finds what the first one made.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use spaceport_domain::{
    id::{SpaceId, VolumeId},
    lifecycle::FailureCode,
    spelling,
};

use super::super::{ContainerRef, EngineError, Scope, VolumeSpec};

const INSTALLATION: &str = "spaceport.installation";
const SPACE: &str = "spaceport.space";
const INSTANCE: &str = "spaceport.instance";
const VOLUME: &str = "spaceport.volume";
/// The version of a container's agent.
const AGENT: &str = "spaceport.agent";
/// The hash of the agent's program that a volume holds.
const AGENT_PROGRAM: &str = "spaceport.agent-program";
/// How many hexadecimal digits of that hash are in names.
const AGENT_DIGITS: usize = 16;

/// The longest name of an installation, so that the names made from it stay short.
const INSTALLATION_MAX_BYTES: usize = 40;

/// Labels as the engine has them.
pub(super) type Labels = HashMap<String, String>;

/// The installation an object belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installation(String);

impl Installation {
    /// Accepts lower-case letters, digits and hyphens, which any engine allows in a name.
    pub(super) fn parse(text: &str) -> Result<Self, EngineError> {
        let valid = (1..=INSTALLATION_MAX_BYTES).contains(&text.len())
            && !text.starts_with('-')
            && text
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(EngineError::Refused {
                code: FailureCode::EngineError,
                message: format!(
                    "the installation's name must be 1 to {INSTALLATION_MAX_BYTES} lower-case \
                     letters, digits or hyphens"
                ),
            })
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// The engine's network for this installation's spaces.
    pub(super) fn network(&self) -> String {
        format!("spaceport-{}", self.0)
    }

    /// The Linux bridge under that network: `sp-` and 12 hex digits, which is as long as the
    /// kernel allows (`IFNAMSIZ`, 15 characters).
    pub(super) fn bridge(&self) -> String {
        format!("sp-{}", self.digest())
    }

    /// 12 hex digits that stand for the installation where its name is too long.
    pub(super) fn digest(&self) -> String {
        spelling::hex(&Sha256::digest(self.0.as_bytes())[..6])
    }

    pub(super) fn network_labels(&self) -> Labels {
        HashMap::from([(INSTALLATION.to_owned(), self.0.clone())])
    }

    pub(super) fn container_labels(&self, container: ContainerRef) -> Labels {
        HashMap::from([
            (INSTALLATION.to_owned(), self.0.clone()),
            (SPACE.to_owned(), space_hex(container.space)),
            (INSTANCE.to_owned(), container.instance.to_string()),
        ])
    }

    /// The labels of a container that is made with an agent of this version.
    pub(super) fn labels_with_agent(&self, container: ContainerRef, version: String) -> Labels {
        let mut labels = self.container_labels(container);
        labels.insert(AGENT.to_owned(), version);
        labels
    }

    pub(super) fn volume_labels(&self, volume: &VolumeSpec) -> Labels {
        HashMap::from([
            (INSTALLATION.to_owned(), self.0.clone()),
            (SPACE.to_owned(), space_hex(volume.space)),
            (VOLUME.to_owned(), volume_hex(volume.id)),
        ])
    }

    /// The name of the volume that holds the agent whose program has this hash.
    pub(super) fn agent_volume(&self, hash: &str) -> String {
        let hash = hash.get(..AGENT_DIGITS).unwrap_or(hash);
        format!("spaceport-agent-{}-{hash}", self.digest())
    }

    /// The name of the container through which that volume is filled.
    pub(super) fn agent_carrier(&self, hash: &str) -> String {
        format!("{}-carrier", self.agent_volume(hash))
    }

    /// The labels of both.
    pub(super) fn agent_labels(&self, hash: &str) -> Labels {
        HashMap::from([
            (INSTALLATION.to_owned(), self.0.clone()),
            (AGENT_PROGRAM.to_owned(), hash.to_owned()),
        ])
    }

    /// Filters for a list call, so that only what holds this installation's agents comes back.
    pub(super) fn agent_filters(&self) -> HashMap<String, Vec<String>> {
        let ours = format!("{INSTALLATION}={}", self.0);
        HashMap::from([("label".to_owned(), vec![ours, AGENT_PROGRAM.to_owned()])])
    }

    /// Filters for a list call, so that only objects of this installation and `scope` come back.
    pub(super) fn filters(&self, scope: Scope) -> HashMap<String, Vec<String>> {
        let mut labels = vec![format!("{INSTALLATION}={}", self.0)];
        if let Scope::Space(space) = scope {
            labels.push(format!("{SPACE}={}", space_hex(space)));
        }
        HashMap::from([("label".to_owned(), labels)])
    }

    /// Filters for one container. Its name would not do: the engine matches names by prefix.
    pub(super) fn container_filters(
        &self,
        container: ContainerRef,
    ) -> HashMap<String, Vec<String>> {
        let labels = self
            .container_labels(container)
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        HashMap::from([("label".to_owned(), labels)])
    }
}

/// The name of a container.
pub(super) fn container_name(container: ContainerRef) -> String {
    format!(
        "spaceport-{}-{}",
        space_hex(container.space),
        container.instance
    )
}

/// The name of a volume.
pub(super) fn volume_name(volume: VolumeId) -> String {
    format!("spaceport-{}", volume_hex(volume))
}

/// A volume's 32 hex digits.
pub(super) fn volume_hex(volume: VolumeId) -> String {
    volume.uuid().simple().to_string()
}

/// The container that `labels` name; `None` when they aren't ours.
pub(super) fn container_of(labels: &Labels) -> Option<ContainerRef> {
    Some(ContainerRef {
        space: space_of(labels)?,
        instance: labels.get(INSTANCE)?.parse().ok()?,
    })
}

/// The space that `labels` name.
pub(super) fn space_of(labels: &Labels) -> Option<SpaceId> {
    format!("{}_{}", SpaceId::KIND, labels.get(SPACE)?)
        .parse()
        .ok()
}

/// The version of the agent that `labels` name.
pub(super) fn agent_of(labels: &Labels) -> Option<String> {
    labels.get(AGENT).cloned()
}

/// The volume that `labels` name.
pub(super) fn volume_of(labels: &Labels) -> Option<VolumeId> {
    format!("{}_{}", VolumeId::KIND, labels.get(VOLUME)?)
        .parse()
        .ok()
}

/// Whether `actual` has every label of `wanted`.
pub(super) fn include(actual: &Labels, wanted: &Labels) -> bool {
    wanted
        .iter()
        .all(|(key, value)| actual.get(key) == Some(value))
}

fn space_hex(space: SpaceId) -> String {
    space.uuid().simple().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn installation(name: &str) -> Installation {
        Installation::parse(name).expect("a valid name")
    }

    proptest! {
        #[test]
        fn labels_read_back(space: u128, volume: u128, instance: u32) {
            let ours = installation("main");
            let container = ContainerRef { space: SpaceId::new(Uuid::from_u128(space)), instance };
            prop_assert_eq!(container_of(&ours.container_labels(container)), Some(container));
            let spec = VolumeSpec {
                id: VolumeId::new(Uuid::from_u128(volume)),
                space: container.space,
                size_gib: 1,
            };
            let labels = ours.volume_labels(&spec);
            prop_assert_eq!(volume_of(&labels), Some(spec.id));
            prop_assert_eq!(space_of(&labels), Some(spec.space));
        }

        #[test]
        fn a_bridge_has_a_name_the_kernel_accepts(name in "[a-z0-9][a-z0-9-]{0,39}") {
            let bridge = installation(&name).bridge();
            prop_assert!(bridge.len() <= 15);
            prop_assert!(bridge.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
        }
    }

    #[test]
    fn installations_differ_in_every_name() {
        let (one, two) = (installation("one"), installation("two"));
        assert_ne!(one.network(), two.network());
        assert_ne!(one.bridge(), two.bridge());
        assert!(!include(&one.network_labels(), &two.network_labels()));
    }

    #[test]
    fn names_that_engines_may_refuse_are_refused() {
        for name in ["", "-a", "A", "a b", "a/b", &"a".repeat(41)] {
            assert!(Installation::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn labels_of_others_are_not_ours() {
        assert_eq!(container_of(&Labels::new()), None);
        let spelled_badly = Labels::from([
            (SPACE.to_owned(), "x".to_owned()),
            (INSTANCE.to_owned(), "1".to_owned()),
        ]);
        assert_eq!(container_of(&spelled_badly), None);
    }
}
