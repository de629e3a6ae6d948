//! What an image says of its containers, and getting one that isn't there.

use std::{borrow::Cow, collections::BTreeSet, time::Duration};

use bollard::{models::ImageConfig, query_parameters::CreateImageOptionsBuilder};
use futures_util::TryStreamExt;

use super::{
    super::EngineError,
    DockerEngine,
    refusal::{self, CallError},
};

/// The label by which an image says for which apps it has programs: names with spaces between.
const APPS: &str = "spaceport.apps";
const INSPECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a pull may take; it must leave some of a start's deadline for the start itself.
const PULL_TIMEOUT: Duration = Duration::from_secs(90);

/// What an image says of the containers that are made from it, where nobody else does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ImageDefaults {
    /// The program that any command is given to, and its first arguments.
    pub(super) entrypoint: Vec<String>,
    /// The command, where none is asked for.
    pub(super) command: Vec<String>,
    /// Who runs it; empty stands for root.
    pub(super) user: String,
    /// Where it starts; empty stands for the root directory.
    pub(super) working_dir: String,
}

impl From<ImageConfig> for ImageDefaults {
    fn from(config: ImageConfig) -> Self {
        // One empty text takes away what the image below had.
        let entrypoint = config.entrypoint.filter(|it| *it != [""]);
        Self {
            entrypoint: entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
            working_dir: config.working_dir.unwrap_or_default(),
        }
    }
}

impl DockerEngine {
    /// What `image` says of its containers. It is pulled when the engine doesn't have it.
    pub(super) async fn image_defaults(&self, image: &str) -> Result<ImageDefaults, EngineError> {
        match self.inspect_image(image).await {
            Err(error) if error.is_image_missing() => {
                self.pull_image(image).await?;
                Ok(self.inspect_image(image).await?.into())
            }
            result => Ok(result?.into()),
        }
    }

    /// The apps that `image` says it has programs for, where the engine has it and it says so.
    pub(super) async fn apps_of_image(
        &self,
        image: &str,
    ) -> Result<Option<BTreeSet<String>>, EngineError> {
        match self.inspect_image(image).await {
            Err(error) if error.is_image_missing() => Ok(None),
            result => Ok(apps(&result?)),
        }
    }

    async fn inspect_image(&self, image: &str) -> Result<ImageConfig, CallError> {
        let client = self.connection.client().await?;
        let inspect = client.inspect_image(image);
        let inspected = self.connection.call(INSPECT_TIMEOUT, inspect).await?;
        Ok(inspected.config.unwrap_or_default())
    }

    /// Pulls `image` from the registry its name tells.
    async fn pull_image(&self, image: &str) -> Result<(), EngineError> {
        let client = self.connection.client().await?;
        let options = CreateImageOptionsBuilder::default()
            .from_image(&with_tag(image))
            .build();
        tracing::info!(image, "pulling an image");
        let progress = client.create_image(Some(options), None, None);
        let done = progress.try_for_each(|_| std::future::ready(Ok(())));
        self.connection
            .call(PULL_TIMEOUT, done)
            .await
            .map_err(|error| refusal::classify_pull(image, error))
    }
}

/// The names in the label.
fn apps(config: &ImageConfig) -> Option<BTreeSet<String>> {
    let label = config.labels.as_ref()?.get(APPS)?;
    Some(label.split_whitespace().map(str::to_owned).collect())
}

/// Without a tag or a digest, the engine would pull every tag there is.
fn with_tag(image: &str) -> Cow<'_, str> {
    let last_part = image.rsplit('/').next().unwrap_or(image);
    if image.contains('@') || last_part.contains(':') {
        Cow::Borrowed(image)
    } else {
        Cow::Owned(format!("{image}:latest"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_what_it_has_or_doesnt_say() {
        let labelled = |label: &str| {
            let labels = Some([(APPS.to_owned(), label.to_owned())].into());
            let config = ImageConfig {
                labels,
                ..ImageConfig::default()
            };
            apps(&config)
        };
        assert_eq!(labelled("  "), Some(BTreeSet::new()));
        let two = ["code", "vscode"].map(str::to_owned).into();
        assert_eq!(labelled("vscode code"), Some(two));
        assert_eq!(apps(&ImageConfig::default()), None);
    }

    #[test]
    fn one_tag_is_pulled() {
        assert_eq!(with_tag("a"), "a:latest");
        assert_eq!(with_tag("host:5000/a"), "host:5000/a:latest");
        assert_eq!(with_tag("host:5000/a:1"), "host:5000/a:1");
        assert_eq!(with_tag("a@sha256:00"), "a@sha256:00");
    }
}
