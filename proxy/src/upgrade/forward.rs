//! Connections to the ports of a space: port forwarding.
//!
//! A program opens one by the protocol [`TOKEN`] at the hostname of a port's app, over HTTP/1.1 or,
//! beside many others on one connection, over HTTP/2. It is asked for its ticket like any other. What
//! the stream carries from then on are the bytes of a connection to that port, whatever is spoken
//! there, and each side's end is passed on as an end.

use http::{HeaderMap, Response};
use spaceport_domain::app::AppName;

use super::{Switch, Wish};
use crate::{
    http::{Routed, body::Source, exchange},
    reply::Answer,
    routes::Via,
    sockets,
};

/// The protocol's name.
pub const TOKEN: &str = "spaceport-tcp";

/// Connects to the port that `request` leads to.
///
/// Public tunnels are for HTTP, and so are apps with a name: who may forward ports is asked for
/// their numbers alone.
pub async fn serve(mut request: Routed<'_>, wish: Wish) -> Result<Response<Source>, Answer> {
    let Via::App(AppName::Port(_)) = request.pass.via else {
        return Err(Answer::not_implemented());
    };
    request.refuse_body()?;
    let destination = request.pass.destination;
    let made = request.worker.upstreams.connect(destination).await;
    let (space, slot) = made.map_err(|error| exchange::not_dialled(&destination, &error))?;
    sockets::be_patient(&space).map_err(|_| Answer::upstream_error())?;
    let switch = Switch::of(&mut request, wish);
    let answer = switch.answer(HeaderMap::new());
    request.worker.tasks.spawn(async move {
        switch.relay(space).await;
        drop(slot);
    });
    Ok(answer)
}
