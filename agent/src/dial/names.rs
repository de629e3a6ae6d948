//! The addresses of names, as the space's `/etc/hosts` and `/etc/resolv.conf` have them. The C
//! library, which is linked statically, can't be asked.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use hickory_resolver::{TokioResolver, config::LookupIpStrategy, net::NetError};
use spaceport_domain::agent::{Refusal, RefusalCode};
use tokio::time;

use crate::wire::refusal;

/// How long all servers together may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// The addresses of a name, or the address that it is.
pub async fn addresses(host: &str) -> Result<Vec<IpAddr>, Refusal> {
    if let Ok(address) = host.trim_matches(['[', ']']).parse() {
        return Ok(vec![address]);
    }
    // A loopback name is one whatever files and servers say (RFC 6761 §6.3).
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    match time::timeout(LOOKUP_TIMEOUT, look_up(host)).await {
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(error)) => Err(refusal(RefusalCode::NotFound, format!("{host}: {error}"))),
        Err(_) => {
            let reason = format!("{host}: no name server answers");
            Err(refusal(RefusalCode::Timeout, reason))
        }
    }
}

/// Asks anew each time, because files change and answers are kept by the servers that are asked.
async fn look_up(host: &str) -> Result<Vec<IpAddr>, NetError> {
    let mut builder = TokioResolver::builder_tokio()?;
    builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    let mut addresses: Vec<IpAddr> = builder.build()?.lookup_ip(host).await?.iter().collect();
    // Most services listen at the older kind alone.
    addresses.sort_by_key(IpAddr::is_ipv6);
    Ok(addresses)
}
