//! Packet rules that keep spaces from the host.
//!
//! ```text
//!  INPUT ───────▶ SPACEPORT-<digest>-IN    from the bridge: answers to the host pass, the rest is
//!                                          dropped, whichever of the host's addresses it is for
//!  DOCKER-USER ─▶ SPACEPORT-<digest>-FWD   from the bridge: to another space and to where clouds
//!                                          hand out a machine's secrets is dropped
//! ```
//!
//! Docker itself drops what goes from one of its bridges to another. Name resolution is not
//! touched: the engine answers it inside each container's own network.
//!
//! Both chains are replaced and hooked in first place in one transaction (`iptables-restore`), so
//! no packet ever meets half of them, and doing it again changes nothing.

use std::{fmt::Write as _, path::Path};

use spaceport_domain::lifecycle::FailureCode;

use super::{
    super::EngineError,
    command::{self, CommandError},
    connection::{Host, Namespace},
    labels::Installation,
    refusal::without_host_paths,
};

/// Seconds to wait for whoever else is changing rules.
const LOCK_WAIT_S: &str = "10";

/// The names under which the program exists. Docker uses the first; where that isn't the one that
/// shows Docker's chain, another one must be.
const PROGRAMS: [&str; 3] = ["iptables", "iptables-nft", "iptables-legacy"];

/// Where clouds hand out what identifies a machine. Their name servers live at the same
/// addresses, so port 53 stays open.
const METADATA: [&str; 3] = ["169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32"];

const BRIDGED_PACKETS_ARE_FILTERED: &str = "/proc/sys/net/bridge/bridge-nf-call-iptables";
const IPV6_IS_ON: &str = "/proc/net/if_inet6";

/// Puts the rules for `installation` in place.
pub(super) async fn ensure(installation: &Installation, host: &Host) -> Result<(), EngineError> {
    if !host.shares(Namespace::Network).await {
        return Err(refused(
            "the container engine runs in another network than the API",
        ));
    }
    ensure_bridged_packets_are_filtered().await?;
    apply(installation).await.map_err(|error| {
        tracing::warn!(%error, "the packet rules can't be set");
        refused(&without_host_paths(&error.to_string()))
    })
}

fn refused(reason: &str) -> EngineError {
    EngineError::Refused {
        code: FailureCode::EngineError,
        message: format!(
            "the packet rules that isolate spaces can't be set ({reason}). Run the API as root on \
             the engine's machine, with iptables installed and in use by Docker, or set such rules \
             yourself and the firewall setting to `external`"
        ),
    }
}

/// Packets between two ports of a bridge pass the rules only with the kernel's `br_netfilter`.
async fn ensure_bridged_packets_are_filtered() -> Result<(), EngineError> {
    let switch = Path::new(BRIDGED_PACKETS_ARE_FILTERED);
    if !switch.exists() {
        // What comes of it is seen below.
        let _ = command::run("modprobe", &["br_netfilter"]).await;
    }
    let is_on = || async {
        tokio::fs::read_to_string(switch)
            .await
            .is_ok_and(|text| text.trim() == "1")
    };
    if is_on().await {
        return Ok(());
    }
    let _ = tokio::fs::write(switch, "1").await;
    if is_on().await {
        return Ok(());
    }
    Err(refused(
        "the kernel doesn't filter bridged packets: br_netfilter is missing",
    ))
}

async fn apply(installation: &Installation) -> Result<(), CommandError> {
    let program = find_program().await?;
    let chains = Chains::of(installation);
    restore(program, &chains.hooks(), &chains.rules()).await?;
    if Path::new(IPV6_IS_ON).exists() {
        let program = program.replace("ip", "ip6");
        restore(&program, &chains.hooks_v6(), &chains.rules_v6()).await?;
    }
    Ok(())
}

/// The program that shows the chain Docker keeps for such rules.
async fn find_program() -> Result<&'static str, CommandError> {
    let mut first_error = None;
    for program in PROGRAMS {
        match command::run(program, &["-w", LOCK_WAIT_S, "-S", "DOCKER-USER"]).await {
            Ok(_) => return Ok(program),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| CommandError::NotRun {
        program: PROGRAMS[0].to_owned(),
        reason: "no name to run it by".to_owned(),
    }))
}

async fn restore(program: &str, hooks: &[Hook], rules: &str) -> Result<(), CommandError> {
    let mut present = Vec::new();
    for hook in hooks {
        let check = format!("-w {LOCK_WAIT_S} -C {} {}", hook.parent, hook.rule);
        let args: Vec<&str> = check.split(' ').collect();
        present.push(command::run(program, &args).await.is_ok());
    }
    let input = transaction(hooks, &present, rules);
    command::run_with_input(
        &format!("{program}-restore"),
        &["-w", LOCK_WAIT_S, "--noflush"],
        &input,
    )
    .await?;
    Ok(())
}

/// A rule that leads from one of the kernel's or Docker's chains into one of ours.
#[derive(Debug, PartialEq, Eq)]
struct Hook {
    parent: &'static str,
    rule: String,
}

struct Chains {
    bridge: String,
    /// Tells an administrator whose a rule is.
    comment: String,
    input: String,
    forward: String,
}

impl Chains {
    fn of(installation: &Installation) -> Self {
        let digest = installation.digest();
        Self {
            bridge: installation.bridge(),
            comment: installation.network(),
            input: format!("SPACEPORT-{digest}-IN"),
            forward: format!("SPACEPORT-{digest}-FWD"),
        }
    }

    fn hook(&self, parent: &'static str, chain: &str) -> Hook {
        Hook {
            parent,
            rule: format!(
                "-i {} -m comment --comment {} -j {chain}",
                self.bridge, self.comment
            ),
        }
    }

    fn hooks(&self) -> [Hook; 2] {
        [
            self.hook("INPUT", &self.input),
            self.hook("DOCKER-USER", &self.forward),
        ]
    }

    fn rules(&self) -> String {
        let Self {
            bridge,
            input,
            forward,
            ..
        } = self;
        let mut rules = format!(
            ":{input} - [0:0]\n\
             :{forward} - [0:0]\n\
             -A {input} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n\
             -A {input} -j DROP\n\
             -A {forward} -o {bridge} -j DROP\n"
        );
        for address in METADATA {
            for protocol in ["udp", "tcp"] {
                let _ = writeln!(
                    rules,
                    "-A {forward} -d {address} -p {protocol} --dport 53 -j RETURN"
                );
            }
            let _ = writeln!(rules, "-A {forward} -d {address} -j DROP");
        }
        rules
    }

    /// Spaces have no IPv6, and so no business with it: not even the bridge's own address.
    fn hooks_v6(&self) -> [Hook; 2] {
        [
            self.hook("INPUT", &self.input),
            self.hook("FORWARD", &self.input),
        ]
    }

    fn rules_v6(&self) -> String {
        let input = &self.input;
        format!(":{input} - [0:0]\n-A {input} -j DROP\n")
    }
}

/// What to feed `iptables-restore`. Naming a chain of ours creates or empties it; hooks that are
/// `present` are moved to the first place.
fn transaction(hooks: &[Hook], present: &[bool], rules: &str) -> String {
    let mut text = format!("*filter\n{rules}");
    for (Hook { parent, rule }, present) in hooks.iter().zip(present) {
        if *present {
            let _ = writeln!(text, "-D {parent} {rule}");
        }
        let _ = writeln!(text, "-I {parent} 1 {rule}");
    }
    text.push_str("COMMIT\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chains() -> Chains {
        Chains::of(&Installation::parse("main").expect("a valid name"))
    }

    #[test]
    fn everything_to_the_host_but_answers_is_dropped() {
        let chains = chains();
        let rules = chains.rules();
        let of_input: Vec<&str> = rules
            .lines()
            .filter(|line| line.starts_with(&format!("-A {} ", chains.input)))
            .collect();
        assert_eq!(of_input.len(), 2);
        assert!(of_input[0].ends_with("--ctstate ESTABLISHED,RELATED -j ACCEPT"));
        assert_eq!(of_input[1], format!("-A {} -j DROP", chains.input));
    }

    #[test]
    fn only_what_comes_from_the_bridge_of_spaces_is_judged() {
        let chains = chains();
        for hook in chains.hooks().iter().chain(&chains.hooks_v6()) {
            assert!(hook.rule.starts_with(&format!("-i {} ", chains.bridge)));
        }
    }

    #[test]
    fn a_hook_is_never_there_twice() {
        let chains = chains();
        let text = transaction(&chains.hooks(), &[true, false], &chains.rules());
        assert_eq!(text.matches("-D INPUT").count(), 1);
        assert_eq!(text.matches("-I INPUT 1").count(), 1);
        assert_eq!(text.matches("-D DOCKER-USER").count(), 0);
        assert!(text.find("-D INPUT") < text.find("-I INPUT"));
        assert!(text.ends_with("COMMIT\n"));
    }

    #[test]
    fn a_chain_has_a_name_the_kernel_accepts() {
        // XT_EXTENSION_MAXNAMELEN is 29 with the terminating zero.
        assert!(chains().forward.len() <= 28);
    }
}
