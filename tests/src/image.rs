//! Images of a test's own, which come, change and go while spaces use them.

use std::sync::atomic::{AtomicU16, Ordering};

use crate::{BUSYBOX, docker::Docker};

/// What every change leaves as the image's command.
const COMMAND: &str = r#"CMD ["sleep", "2147483647"]"#;

/// The small image under a name of its own. It goes with the test; what had the name before, or is
/// used by a container until the end, goes with the installation, whose label it has.
pub struct Image {
    docker: Docker,
    name: String,
}

impl Image {
    /// A name in the engine at `host` (the machine's, when there is none), for a test of
    /// `installation`; there is no image of this name yet.
    pub fn of(host: Option<String>, installation: &str) -> Self {
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let installation = installation.to_owned();
        Self {
            name: format!("spaceport-{installation}-image-{count}"),
            docker: Docker { host, installation },
        }
    }

    /// As a template names it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes it, or makes it as it was at first.
    pub fn make(&self) {
        self.docker.output(&["tag", BUSYBOX, &self.name]);
    }

    /// Makes it with nothing in it at all.
    pub fn make_empty(&self) {
        let file = format!("{}.tar", self.name.replace(':', "-"));
        let file = std::env::temp_dir().join(file);
        // The end of an archive is two blocks of zeros (POSIX.1-2017, pax).
        std::fs::write(&file, [0; 1024]).expect("an archive");
        let path = file.display().to_string();
        let label = self.label();
        self.docker.output(&["import", &label, &path, &self.name]);
        std::fs::remove_file(file).expect("the archive");
    }

    /// Adds a line to its recipe.
    pub fn instruct(&self, instruction: &str) {
        let container = self.docker.output(&["create", &self.name]);
        self.commit(&container, instruction);
    }

    /// Adds to its files what a script writes.
    pub fn run(&self, script: &str) {
        let container = self
            .docker
            .output(&["create", &self.name, "sh", "-c", script]);
        self.docker.output(&["start", "--attach", &container]);
        self.commit(&container, COMMAND);
    }

    fn commit(&self, container: &str, instruction: &str) {
        let change = format!("--change={instruction}");
        let label = self.label();
        self.docker
            .output(&["commit", &label, &change, container, &self.name]);
        self.docker.output(&["rm", container]);
    }

    fn label(&self) -> String {
        format!("--change=LABEL spaceport.test={}", self.docker.installation)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        self.docker.run(&["rmi", "--force", &self.name]);
    }
}
