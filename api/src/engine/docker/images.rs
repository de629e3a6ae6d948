//! Getting an image that isn't there.

use std::{borrow::Cow, time::Duration};

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt;

use super::{super::EngineError, DockerEngine, refusal};

/// How long a pull may take; it must leave some of a start's deadline for the start itself.
const PULL_TIMEOUT: Duration = Duration::from_secs(90);

impl DockerEngine {
    /// Pulls `image` from the registry its name tells.
    pub(super) async fn pull_image(&self, image: &str) -> Result<(), EngineError> {
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
    fn one_tag_is_pulled() {
        assert_eq!(with_tag("a"), "a:latest");
        assert_eq!(with_tag("host:5000/a"), "host:5000/a:latest");
        assert_eq!(with_tag("host:5000/a:1"), "host:5000/a:1");
        assert_eq!(with_tag("a@sha256:00"), "a@sha256:00");
    }
}
