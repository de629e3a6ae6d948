//! The network of spaces: one bridge per installation, on which they don't see each other.

use std::{collections::HashMap, time::Duration};

use bollard::{
    models::{NetworkCreateRequest, NetworkInspect},
    query_parameters::InspectNetworkOptions,
};
use spaceport_domain::lifecycle::FailureCode;

use super::{
    super::EngineError,
    DockerEngine,
    labels::{self, Installation},
};

const NETWORK_TIMEOUT: Duration = Duration::from_secs(20);

const BRIDGE_NAME: &str = "com.docker.network.bridge.name";
const BETWEEN_CONTAINERS: &str = "com.docker.network.bridge.enable_icc";

impl DockerEngine {
    /// Makes the network unless it exists, and refuses one that isn't as it must be.
    pub(super) async fn ensure_network(&self) -> Result<(), EngineError> {
        let client = self.connection.client().await?;
        let name = self.installation.network();
        let inspect = || client.inspect_network(&name, None::<InspectNetworkOptions>);
        let found = match self.connection.call(NETWORK_TIMEOUT, inspect()).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => {
                let create = client.create_network(network_request(&self.installation));
                self.connection.call(NETWORK_TIMEOUT, create).await?;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if is_as_requested(&found, &network_request(&self.installation)) {
            Ok(())
        } else {
            Err(EngineError::Refused {
                code: FailureCode::EngineError,
                message: format!(
                    "the engine has a network {name} that doesn't isolate spaces; remove it with \
                     `docker network rm {name}`"
                ),
            })
        }
    }
}

fn network_request(installation: &Installation) -> NetworkCreateRequest {
    NetworkCreateRequest {
        name: installation.network(),
        driver: Some("bridge".to_owned()),
        enable_ipv6: Some(false),
        options: Some(HashMap::from([
            (BRIDGE_NAME.to_owned(), installation.bridge()),
            (BETWEEN_CONTAINERS.to_owned(), "false".to_owned()),
        ])),
        labels: Some(installation.network_labels()),
        ..NetworkCreateRequest::default()
    }
}

fn is_as_requested(found: &NetworkInspect, request: &NetworkCreateRequest) -> bool {
    let includes = |actual: &Option<HashMap<String, String>>, wanted: &Option<_>| {
        labels::include(
            actual.as_ref().unwrap_or(&HashMap::new()),
            wanted.as_ref().unwrap_or(&HashMap::new()),
        )
    };
    found.driver == request.driver
        && found.enable_ipv6 != Some(true)
        && includes(&found.options, &request.options)
        && includes(&found.labels, &request.labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_on_which_spaces_see_each_other_is_refused() {
        let installation = Installation::parse("main").expect("a valid name");
        let request = network_request(&installation);
        let good = NetworkInspect {
            driver: request.driver.clone(),
            options: request.options.clone(),
            labels: request.labels.clone(),
            enable_ipv6: Some(false),
            ..NetworkInspect::default()
        };
        assert!(is_as_requested(&good, &request));
        let mut open = good.clone();
        if let Some(options) = &mut open.options {
            options.remove(BETWEEN_CONTAINERS);
        }
        assert!(!is_as_requested(&open, &request));
        let foreign = NetworkInspect {
            labels: None,
            ..good
        };
        assert!(!is_as_requested(&foreign, &request));
    }
}
