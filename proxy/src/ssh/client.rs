//! What a client asks for on its connection, and the answers that need no waiting.
//!
//! Whatever takes time goes on in a task of its own, because russh does nothing else on a connection
//! while it waits here.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use russh::{
    Channel, ChannelId, ChannelOpenFailure, Pty as Mode, Sig,
    keys::{Algorithm, HashAlg, PublicKey},
    server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey},
};
use spaceport_domain::agent::{Answer, Listen, Program, RefusalCode, Service};
use tokio::sync::oneshot;
use tokio_util::sync::DropGuard;

use super::{
    agent_forwarding::AgentForwarding,
    arrivals::{self, Origin},
    carriage,
    connection::{Connection, Outlet, Unserved},
    intake::Input,
    pass::{KeyPass, Refused},
    preparation::{Preparation, size},
    program::{self, Wanted},
};
use crate::upstream::agent::AgentError;

/// The subsystem of SFTP (draft-ietf-secsh-filexfer-02 §3).
const SFTP: &str = "sftp";

/// One client.
pub(super) struct Client {
    connection: Arc<Connection>,
    /// Told once, when they are let in.
    signed_in: Option<oneshot::Sender<KeyPass>>,
    /// Session channels on which nothing runs yet.
    preparing: HashMap<ChannelId, Preparation>,
    /// Ports in the space that are listened on, as they were asked for.
    forwards: HashMap<(String, u32), DropGuard>,
    agent: Arc<AgentForwarding>,
}

impl Client {
    /// The client on `connection`; `signed_in` is told when it is let in.
    pub(super) fn new(connection: Arc<Connection>, signed_in: oneshot::Sender<KeyPass>) -> Self {
        Self {
            connection,
            signed_in: Some(signed_in),
            preparing: HashMap::new(),
            forwards: HashMap::new(),
            agent: Arc::default(),
        }
    }

    fn judge(
        &self,
        name: &str,
        key: &PublicKey,
        algorithm: &Algorithm,
    ) -> Result<KeyPass, Refused> {
        let site = &self.connection.worker.site;
        let judged = match (algorithm, key.to_bytes()) {
            // SHA-1 proves nothing any more.
            (Algorithm::Rsa { hash: None }, _) | (_, Err(_)) => Err(Refused::UnknownKey),
            (_, Ok(blob)) => {
                KeyPass::judge(&site.routes.glance(), site.gate.is_heard(), name, &blob)
            }
        };
        judged.inspect_err(|refused| {
            let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
            let _ = self.connection.refusal.set((*refused, fingerprint));
        })
    }

    /// Begins a session channel's program.
    fn run(&mut self, id: ChannelId, wanted: Option<Program>, session: &mut Session) -> Answered {
        let Some(preparation) = self.preparing.remove(&id) else {
            return session.channel_failure(id);
        };
        let Preparation {
            channel,
            inner,
            mut env,
            pty,
            wants_agent,
            ..
        } = preparation;
        let wanted = match wanted {
            None => Wanted::Sftp,
            Some(program) => {
                let (client, here) = (self.connection.client, self.connection.here);
                let from = format!("{} {}", client.ip().to_canonical(), client.port());
                let to = format!("{} {}", here.ip().to_canonical(), here.port());
                env.push((
                    "SSH_CLIENT".to_owned(),
                    format!("{from} {}", here.port()).into(),
                ));
                env.push(("SSH_CONNECTION".to_owned(), format!("{from} {to}").into()));
                Wanted::Program {
                    program,
                    env,
                    pty,
                    agent: wants_agent.then(|| Arc::clone(&self.agent)),
                }
            }
        };
        let outlet = Outlet {
            connection: Arc::clone(&self.connection),
            channel,
            handle: session.handle(),
        };
        tokio::spawn(program::serve(outlet, inner, wanted));
        session.channel_success(id)
    }

    /// Connects a channel to something in the space.
    fn dial(
        &self,
        channel: Channel<Msg>,
        service: Service,
        reply: ChannelOpenHandle,
        session: &Session,
    ) {
        let connection = Arc::clone(&self.connection);
        // What comes on it is handed to the inner end.
        let (_, channel) = channel.split();
        let inner = connection.channels.open(&connection, channel.id());
        let handle = session.handle();
        tokio::spawn(async move {
            let Some(inner) = inner else {
                return reply.reject(ChannelOpenFailure::ResourceShortage).await;
            };
            let asked = connection.ask(service);
            let Some(asked) = inner.closed.run_until_cancelled(asked).await else {
                return;
            };
            match asked {
                Ok(conversation) => {
                    reply.accept().await;
                    let outlet = Outlet {
                        connection,
                        channel,
                        handle,
                    };
                    carriage::serve(outlet, inner, conversation.into()).await;
                }
                Err(error) => {
                    connection
                        .channels
                        .close(channel.id(), connection.metrics());
                    reply.reject(failure(&error)).await;
                }
            }
        });
    }

    fn input(&self, id: ChannelId, input: Input) {
        self.connection.channels.put(id, input);
    }
}

type Answered = Result<(), russh::Error>;

fn failure(error: &Unserved) -> ChannelOpenFailure {
    match error {
        Unserved::Agent(AgentError::Refused(refusal)) if refusal.code == RefusalCode::Busy => {
            ChannelOpenFailure::ResourceShortage
        }
        _ => ChannelOpenFailure::ConnectFailed,
    }
}

fn signal_name(signal: Sig) -> String {
    match signal {
        Sig::Custom(name) => name,
        // It prints as it is named.
        named => format!("{named:?}"),
    }
}

impl Handler for Client {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(match self.judge(user, offer.public_key, offer.algorithm) {
            Ok(_) => Auth::Accept,
            Err(_) => Auth::reject(),
        })
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let Ok(pass) = self.judge(user, key.public_key, key.algorithm) else {
            return Ok(Auth::reject());
        };
        // Nobody signs in twice on a connection.
        Ok(match self.connection.pass.set(pass) {
            Ok(()) => Auth::Accept,
            Err(_) => Auth::reject(),
        })
    }

    async fn auth_succeeded(&mut self, _: &mut Session) -> Result<(), Self::Error> {
        if let (Some(signed_in), Some(pass)) = (self.signed_in.take(), self.connection.pass.get()) {
            let _ = signed_in.send(*pass);
        }
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let connection = &self.connection;
        let Some(inner) = connection.channels.open(connection, channel.id()) else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        // What comes on it is handed to the inner end.
        let (_, channel) = channel.split();
        let preparation = Preparation::new(channel, inner);
        self.preparing.insert(preparation.channel.id(), preparation);
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host_to_connect: &str,
        port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Ok(port) = u16::try_from(port_to_connect) else {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        };
        let host = host_to_connect.to_owned();
        self.dial(channel, Service::Dial { host, port }, reply, session);
        Ok(())
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        channel: Channel<Msg>,
        socket_path: &str,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let path = socket_path.into();
        self.dial(channel, Service::DialUnix { path }, reply, session);
        Ok(())
    }

    async fn channel_open_confirmation(
        &mut self,
        id: ChannelId,
        _max_packet_size: u32,
        _window_size: u32,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.connection.channels.arrive(&self.connection, id);
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.preparing.remove(&id);
        let metrics = self.connection.metrics();
        self.connection.channels.close(id, metrics);
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.input(id, Input::End);
        Ok(())
    }

    async fn data(
        &mut self,
        id: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        // Nobody could take it.
        if self.preparing.remove(&id).is_some() {
            let metrics = self.connection.metrics();
            self.connection.channels.close(id, metrics);
            return session.close(id);
        }
        let connection = &self.connection;
        connection
            .traffic
            .note_received(data.len(), connection.metrics());
        self.input(id, Input::Data(Bytes::copy_from_slice(data)));
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        term: &str,
        col_width: u32,
        row_height: u32,
        pix_width: u32,
        pix_height: u32,
        modes: &[(Mode, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(preparation) = self.preparing.get_mut(&id) else {
            return session.channel_failure(id);
        };
        let size = size(col_width, row_height, pix_width, pix_height);
        if preparation.set_terminal(term, size, modes) {
            session.channel_success(id)
        } else {
            session.channel_failure(id)
        }
    }

    async fn x11_request(
        &mut self,
        id: ChannelId,
        _single_connection: bool,
        _x11_auth_protocol: &str,
        _x11_auth_cookie: &str,
        _x11_screen_number: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(preparation) = self.preparing.get_mut(&id) else {
            return session.channel_failure(id);
        };
        if preparation.set_variable(name, value) {
            session.channel_success(id)
        } else {
            session.channel_failure(id)
        }
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Answered {
        self.run(id, Some(Program::Shell), session)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.run(id, Some(Program::Line(line.into())), session)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if name == SFTP {
            self.run(id, None, session)
        } else {
            session.channel_failure(id)
        }
    }

    async fn window_change_request(
        &mut self,
        id: ChannelId,
        col_width: u32,
        row_height: u32,
        pix_width: u32,
        pix_height: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let size = size(col_width, row_height, pix_width, pix_height);
        match self.preparing.get_mut(&id).map(|it| &mut it.pty) {
            Some(Some(pty)) => pty.size = size,
            Some(None) => {}
            None => self.input(id, Input::Size(size)),
        }
        session.channel_success(id)
    }

    async fn agent_request(&mut self, id: ChannelId, _: &mut Session) -> Result<bool, Self::Error> {
        let preparation = self.preparing.get_mut(&id);
        Ok(preparation.map(|it| it.wants_agent = true).is_some())
    }

    async fn signal(
        &mut self,
        id: ChannelId,
        signal: Sig,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.input(id, Input::Signal(signal_name(signal)));
        session.channel_success(id)
    }

    async fn tcpip_forward(
        &mut self,
        address: &str,
        port: &mut u32,
        session: &mut Session,
    ) -> Result<bool, Self::Error> {
        let Ok(wanted) = u16::try_from(*port) else {
            return Ok(false);
        };
        if self.forwards.len() >= self.connection.forwards_max {
            return Ok(false);
        }
        let listen = Listen::Tcp {
            host: address.to_owned(),
            port: wanted,
        };
        let listening = match self.connection.ask(Service::Listen(listen)).await {
            Ok(listening) => listening,
            Err(error) => {
                tracing::debug!(%error, "a port isn't listened on in a space");
                return Ok(false);
            }
        };
        let Answer::Listening { port: bound, .. } = listening.answer else {
            return Ok(false);
        };
        *port = bound.into();
        let over = self.connection.over.child_token();
        let key = (address.to_owned(), *port);
        self.forwards.insert(key, over.clone().drop_guard());
        let origin = Origin::Port {
            address: address.to_owned(),
            port: *port,
        };
        tokio::spawn(arrivals::follow(
            Arc::clone(&self.connection),
            session.handle(),
            listening,
            origin,
            over,
        ));
        Ok(true)
    }

    async fn cancel_tcpip_forward(
        &mut self,
        address: &str,
        port: u32,
        _: &mut Session,
    ) -> Result<bool, Self::Error> {
        Ok(self.forwards.remove(&(address.to_owned(), port)).is_some())
    }
}
