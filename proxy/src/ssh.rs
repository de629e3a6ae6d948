//! SSH into spaces: `ssh -p 2222 <space>@host`, or `<space>--<owner>@host`.
//!
//! ```text
//! client ══ SSH ══▶ edge ══ one connection for each channel ══▶ the space's agent
//! ```
//!
//! The edge ends the encryption and knows who somebody is by their key ([`pass`]); what a channel
//! asks for is the agent's to do: programs, files, connections inside the space. So nothing of SSH is
//! in a space, and its own user names and keys play no role.
//!
//! | channel or request (RFC 4254, OpenSSH's PROTOCOL) | what the agent is asked for |
//! |---|---|
//! | `session`: `shell`, `exec`, `pty-req`, `env`, `signal` | `Exec` |
//! | `session`: `subsystem sftp` | `Sftp` |
//! | `direct-tcpip`, `direct-streamlocal@openssh.com` | `Dial`, `DialUnix` |
//! | `tcpip-forward`, and `forwarded-tcpip` back | `Listen`, `Accept` |
//! | `auth-agent-req@openssh.com`, and `auth-agent@openssh.com` back | the same |
//!
//! Absent on purpose: passwords, SHA-1, Diffie-Hellman in prime fields, compression, X11.

mod agent_forwarding;
mod algorithms;
mod arrivals;
mod budget;
mod carriage;
mod client;
mod connection;
mod failures;
pub mod host_key;
mod intake;
mod pass;
mod preparation;
mod program;
pub mod reports;
mod wire;

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use russh::{
    Disconnect, MethodKind, MethodSet, SshId,
    server::{self, Handle, RunningSession},
};
use serde_json::json;
use spaceport_domain::forwarding::TrustedProxies;
use tokio::{
    net::TcpStream,
    sync::oneshot,
    time::{self, Instant},
};

pub use self::pass::{KeyPass, Refused};
use self::{
    budget::Budget,
    client::Client,
    connection::Connection,
    failures::Failures,
    host_key::{HostKey, HostKeyError},
    reports::Reports,
    wire::Wire,
};
use crate::{
    listener::{
        Worker,
        admission::{Admitted, Handshake},
    },
    settings::SshLimits,
};

/// Where everybody is told the edge's host keys, on every app host and by HTTPS: whoever trusts the
/// certificate needn't trust the first SSH connection.
pub const HOST_KEYS_PATH: &str = "/.spaceport/ssh-host-keys";

/// What the edge calls itself.
const SERVER_ID: &str = "SSH-2.0-Spaceport";
/// The most data in one packet of a client.
const PACKET_BYTES_MAX: u32 = 64 << 10;
/// Packets to a client that wait until they are encrypted, over all of its channels.
const PACKETS_WAITING_MAX: usize = 32;
/// Unanswered questions for a sign of life, until a connection is ended.
const KEEPALIVES_MAX: usize = 3;
/// How long a client may take to hear that its connection ends.
const FAREWELL: Duration = Duration::from_millis(200);
/// How long a connection without channels goes on when the edge stops.
const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// What all workers share of SSH.
#[derive(Debug)]
pub struct Ssh {
    /// The bounds.
    pub limits: SshLimits,
    config: Arc<server::Config>,
    budget: Arc<Budget>,
    failures: Failures,
    reports: Reports,
    host_keys: Bytes,
}

impl Ssh {
    /// SSH with the host key `key`. Nobody's failures count who is one of `trusted_proxies`.
    pub fn new(
        limits: SshLimits,
        key: HostKey,
        trusted_proxies: TrustedProxies,
        reports: Reports,
    ) -> Result<Self, HostKeyError> {
        let host_keys = json!({ "hostKeys": [key.public_line()?] });
        Ok(Self {
            limits,
            config: Arc::new(config(&limits, key)),
            budget: Budget::new(limits.buffer_total_bytes),
            failures: Failures::new(limits.failures_per_minute, trusted_proxies),
            reports,
            host_keys: Bytes::from(host_keys.to_string()),
        })
    }

    /// The public host keys as JSON: `{"hostKeys":["ssh-ed25519 AAAA…"]}`.
    pub fn host_keys(&self) -> Bytes {
        self.host_keys.clone()
    }
}

fn config(limits: &SshLimits, key: HostKey) -> server::Config {
    server::Config {
        server_id: SshId::Standard(SERVER_ID.into()),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        // Who guesses keys learns nothing from time, and who has several must not wait for each.
        auth_rejection_time: Duration::ZERO,
        keys: vec![key.into_private()],
        window_size: limits.window_bytes,
        maximum_packet_size: PACKET_BYTES_MAX,
        event_buffer_size: PACKETS_WAITING_MAX,
        preferred: algorithms::preferred(),
        max_auth_attempts: limits.sign_in_tries,
        inactivity_timeout: None,
        keepalive_interval: limits.keepalive,
        keepalive_max: KEEPALIVES_MAX,
        ..server::Config::default()
    }
}

/// Ends everything that happens on a connection, when it is dropped.
struct Ending(Arc<Connection>);

impl Drop for Ending {
    fn drop(&mut self) {
        let connection = &self.0;
        connection.intake.cut();
        connection.over.cancel();
        connection.channels.close_all(connection.metrics());
    }
}

impl Worker {
    /// Serves a client that came in by SSH, until it leaves or may not go on.
    pub(crate) async fn converse_by_ssh(
        self: Arc<Self>,
        mut stream: TcpStream,
        peer: SocketAddr,
        admitted: Admitted,
        handshake: Handshake,
    ) -> io::Result<()> {
        let Some(ssh) = self.site.ssh.clone() else {
            return Ok(());
        };
        let began = Instant::now();
        let deadline = began + ssh.limits.sign_in;
        let here = stream.local_addr()?;
        let said = self.announced(&mut stream, peer, deadline).await?;
        let client = said.unwrap_or(peer);
        let metrics = &self.site.metrics;
        if !ssh.failures.allow(client.ip()) {
            metrics.connections_refused.increment(1);
            return Ok(());
        }
        let connection = Arc::new(Connection::new(
            Arc::clone(&self),
            &ssh.limits,
            Arc::clone(&ssh.budget),
            client,
            here,
        ));
        let _ending = Ending(Arc::clone(&connection));
        let (signed_in, pass) = oneshot::channel();
        let visitor = Client::new(Arc::clone(&connection), signed_in);
        let wire = Wire::new(stream, Arc::clone(&connection.intake));
        let signing_in = sign_in(&ssh, wire, visitor, pass);
        let signed_in = time::timeout_at(deadline, signing_in).await;
        drop(handshake);
        let Some((session, pass)) = signed_in.ok().flatten() else {
            ssh.failures.note(client.ip());
            metrics.ssh_refused.increment(1);
            connection.log_refusal();
            return Ok(());
        };
        let _admitted = admitted;
        metrics.ssh_accepted.increment(1);
        metrics.ssh_connections.increment(1.0);
        connection.intake.belong_to(ssh.budget.purse(pass.user));
        connection.log_sign_in(&pass);
        ssh.reports.note(&pass, client.ip());
        let stalled = connection.close_stalled(ssh.limits.stall);
        let accompanied = self.accompany(&connection, session, pass);
        tokio::select! {
            () = accompanied => {}
            () = stalled => {}
        }
        metrics.ssh_connections.decrement(1.0);
        connection.log_end(&pass, began.elapsed());
        Ok(())
    }

    /// Waits until a connection ends, or ends it: with what let it in, or with the edge.
    async fn accompany(
        &self,
        connection: &Connection,
        session: RunningSession<Client>,
        pass: KeyPass,
    ) {
        let open = self.live.open(pass);
        let handle = session.handle();
        let mut session = pin!(session);
        let why = tokio::select! {
            ended = session.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(client = %connection.client.ip(), %error, "an SSH connection ended badly");
                }
                return;
            }
            () = open.cut() => "what you were let in by has ended",
            () = self.stopping_beside(connection) => "the server stops",
        };
        let farewell = say_farewell(&handle, why, session);
        let _ = time::timeout(FAREWELL, farewell).await;
    }

    /// Waits until the edge stops and nothing happens on a connection.
    async fn stopping_beside(&self, connection: &Connection) {
        self.site.drain.stopping().await;
        loop {
            time::sleep(DRAIN_GRACE).await;
            if connection.channels.is_empty() {
                return;
            }
        }
    }
}

/// `None`: the client left without having signed in.
async fn sign_in(
    ssh: &Ssh,
    wire: Wire,
    client: Client,
    pass: oneshot::Receiver<KeyPass>,
) -> Option<(RunningSession<Client>, KeyPass)> {
    let session = server::run_stream(Arc::clone(&ssh.config), wire, client).await;
    let session = session
        .inspect_err(|error| tracing::debug!(%error, "an SSH connection didn't begin"))
        .ok()?;
    // The other end is dropped with the session.
    let pass = pass.await.ok()?;
    Some((session, pass))
}

async fn say_farewell(handle: &Handle, why: &str, session: Pin<&mut RunningSession<Client>>) {
    let told = handle.disconnect(Disconnect::ByApplication, why.to_owned(), String::new());
    if told.await.is_ok() {
        let _ = session.await;
    }
}
