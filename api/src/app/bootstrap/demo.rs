//! A template for each image that `dev/images` builds, to begin with.

use spaceport_domain::template::{Draft, EnvVar, Feature, Variable, VolumeDraft};

use super::super::templates::CreateTemplate;

/// What any space can offer, whatever its image brings.
const EVERYWHERE: [Feature; 5] = [
    Feature::Terminal,
    Feature::Ssh,
    Feature::PortForward,
    Feature::Tunnels,
    Feature::Files,
];

/// All of them.
pub(super) fn templates() -> [CreateTemplate; 3] {
    [demo(), code(), desktop()]
}

/// A shell with a workspace and something to look at through a tunnel.
fn demo() -> CreateTemplate {
    let serve = "mkdir -p /home/dev/work; cd /home/dev/work; [ -e index.html ] || \
         printf '<!doctype html><title>%s</title><h1>%s</h1>\\n' \"$GREETING\" \"$GREETING\" > index.html; \
         exec python3 -m http.server 8000";
    CreateTemplate {
        name: "demo".to_owned(),
        description: "A Debian shell that serves its workspace on port 8000.".to_owned(),
        draft: Draft {
            command: ["sh", "-c", serve].map(str::to_owned).to_vec(),
            env: vec![EnvVar {
                name: "GREETING".to_owned(),
                value: "${GREETING}".to_owned(),
            }],
            ports: vec![("web".to_owned(), 8000)],
            variables: vec![Variable {
                name: "GREETING".to_owned(),
                description: "What the page says.".to_owned(),
                default: Some("Hello from Spaceport".to_owned()),
                secret: false,
            }],
            ..draft("spaceport/base", 512, &[])
        },
        group_ids: Vec::new(),
    }
}

fn code() -> CreateTemplate {
    CreateTemplate {
        name: "code".to_owned(),
        description: "Visual Studio Code in the browser, on a Debian with a home of its own."
            .to_owned(),
        draft: draft("spaceport/code", 2048, &[Feature::CodeServer]),
        group_ids: Vec::new(),
    }
}

fn desktop() -> CreateTemplate {
    CreateTemplate {
        name: "desktop".to_owned(),
        description: "A desktop in the browser, on a Debian with a home of its own.".to_owned(),
        draft: draft("spaceport/desktop", 1024, &[Feature::Vnc]),
        group_ids: Vec::new(),
    }
}

/// A space of one core, one GiB and one unit. Its volume is the whole home, so that what people bring
/// there outlives a start, and so does what programs keep: settings, extensions, histories.
fn draft(image: &str, memory_mib: i64, features: &[Feature]) -> Draft {
    Draft {
        image: image.to_owned(),
        cpu: Some(1.0),
        memory_mib: Some(memory_mib),
        pids: Some(512),
        volumes: vec![VolumeDraft {
            name: "home".to_owned(),
            mount_path: "/home/dev".to_owned(),
            size_gib: 1.0,
        }],
        features: [&EVERYWHERE[..], features].concat(),
        compute_units: 1,
        ..Draft::default()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_image_of_each_is_built_here_and_brings_the_apps_that_it_enables() {
        let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../images");
        for template in templates() {
            let blueprint = template.draft.validate().expect(&template.name);
            let image = blueprint.image.strip_prefix("spaceport/");
            let recipe = images.join(image.expect("an image of ours"));
            assert!(recipe.join("Dockerfile").exists(), "{}", template.name);
            for app in blueprint.apps() {
                assert!(recipe.join("apps").join(&app).exists(), "{app}");
            }
        }
    }
}
