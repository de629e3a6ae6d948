//! Running the control plane: everything is made here, and ends here.

use std::{pin::pin, sync::Arc, time::Duration};

use anyhow::Context;
use futures_util::StreamExt;
use spaceport_domain::event::EventBody;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    agents::Watch,
    app::{App, bootstrap},
    auth::{
        agent_secrets::AgentSecrets,
        attempts::Attempts,
        files,
        keys::Keys,
        last_use::{self, LastUses},
        seal::Seal,
        sign_in::OpenSignIns,
    },
    clock::SystemClock,
    engine::{AgentProgram, DockerSettings, docker::DockerEngine},
    entrance,
    events::EventLog,
    graphql::{self, Authenticator, transport},
    http::{self, ConnectionBounds},
    reconciler::Reconciler,
    settings::{Limits, Settings},
    store::Store,
    web::{dashboard, graphiql},
};

/// What the agent's program is called.
const AGENT_PROGRAM: &str = "spaceport-agent";
/// How long requests under way may take when the server stops.
const DRAIN: Duration = Duration::from_secs(5);
/// How often expired sign-ins are ended.
const SWEEP: Duration = Duration::from_secs(1);
/// How long events are kept, and how many at least.
const EVENTS_KEPT: Duration = Duration::from_hours(7 * 24);
const EVENTS_KEPT_MIN: i64 = 100_000;
const PRUNE: Duration = Duration::from_mins(10);

/// Serves until SIGTERM or SIGINT.
pub async fn serve(settings: Settings) -> anyhow::Result<()> {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new()
        .install_recorder()
        .context("the metrics can't be recorded")?;
    let listener = TcpListener::bind(settings.api_listen)
        .await
        .with_context(|| format!("can't listen on {}", settings.api_listen))?;
    let address = listener.local_addr()?;
    let app = make_app(settings).await?;
    app.bootstrap().await.context("the first start failed")?;
    let stop = CancellationToken::new();
    let background = tokio::spawn(run_background(Arc::clone(&app)));
    let graphql = graphql_routes(&app, &stop)?;
    let mut routes = graphql
        .merge(entrance::router(Arc::clone(&app)))
        .merge(dashboard::router(app.settings.graphiql));
    if app.settings.graphiql {
        routes = routes.merge(graphiql::router());
    }
    let router = http::router(Arc::clone(&app), metrics, routes);
    raise_file_limit();
    tracing::info!(%address, "the API listens");
    let server = http::serve(
        listener,
        router,
        bounds(&app.settings.limits),
        app.settings.trusted_proxies.clone(),
        stop.clone(),
    );
    let stopping = async {
        stop_signal().await;
        tracing::info!("stopping");
        stop.cancel();
        std::future::pending::<()>().await;
    };
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        () = server => {}
        () = stopping => {}
        () = overdue => tracing::warn!("requests under way were cut off"),
    }
    background.abort();
    Ok(())
}

async fn make_app(mut settings: Settings) -> anyhow::Result<Arc<App>> {
    let data_dir = &settings.data_dir;
    files::create_dir(data_dir)
        .with_context(|| format!("can't make the data directory {}", data_dir.display()))?;
    settings.data_dir = std::path::absolute(data_dir)?;
    let data_dir = &settings.data_dir;
    let store = Store::open(&settings.database_url)
        .await
        .context("the database can't be opened")?;
    let installation = match settings.installation.clone() {
        Some(name) => name,
        None => bootstrap::installation(data_dir)?,
    };
    let edge_token = match settings.edge_token.clone() {
        Some(token) => token,
        None => bootstrap::edge_token(data_dir)?,
    };
    let engine = DockerEngine::new(&DockerSettings {
        host: settings.docker_host.clone(),
        installation,
        agent: agent_program(&settings)?,
        volumes_dir: data_dir.join("volumes"),
        enforcement: settings.volume_enforcement,
        firewall: settings.firewall,
    })?;
    Ok(Arc::new(App {
        events: EventLog::open(store.clone()).await?,
        engine: Arc::new(engine),
        clock: Arc::new(SystemClock),
        keys: Keys::open(data_dir)?,
        agent_secrets: AgentSecrets::open(data_dir).context("the agents' key is not usable")?,
        seal: Seal::open_key(data_dir).context("the sealing key is not usable")?,
        sign_ins: OpenSignIns::default(),
        attempts: Attempts::default(),
        last_uses: LastUses::default(),
        edge_token,
        store,
        settings,
    }))
}

/// The agent's program, which lies beside this one unless the operator says otherwise.
fn agent_program(settings: &Settings) -> anyhow::Result<AgentProgram> {
    let path = match settings.agent_program.clone() {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name(AGENT_PROGRAM),
    };
    AgentProgram::read(&path).with_context(|| {
        format!(
            "the program that spaces are started with, {}, can't be used (SPACEPORT_AGENT_PROGRAM \
             says where it is)",
            path.display()
        )
    })
}

fn bounds(limits: &Limits) -> ConnectionBounds {
    ConnectionBounds {
        connections: limits.connections,
        connections_per_address: limits.connections_per_address,
        header: limits.header,
        send: limits.send,
    }
}

/// Every connection is an open file, and what a process may open is little on many systems unless
/// it asks for what it is allowed.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

fn transport_limits(limits: &Limits) -> transport::TransportLimits {
    let defaults = transport::TransportLimits::default();
    transport::TransportLimits {
        body_bytes: limits.body_kib * 1024,
        body_timeout: limits.body,
        execution_timeout: limits.execution,
        batch_operations: limits.batch_operations,
        connections: limits.connections,
        document: transport::DocumentLimits {
            depth: limits.depth,
            list_nesting: limits.list_nesting,
            complexity: limits.complexity,
            long_lists: graphql::LONG_LISTS,
            ..defaults.document
        },
        connection: transport::ConnectionLimits {
            operations: limits.connection_operations,
            write_timeout: limits.send,
            ..defaults.connection
        },
        ..defaults
    }
}

fn graphql_routes(app: &Arc<App>, stop: &CancellationToken) -> anyhow::Result<axum::Router> {
    let config = transport::TransportConfig {
        allowed_origins: app.settings.allowed_origins.clone(),
        shutdown: stop.clone(),
        limits: transport_limits(&app.settings.limits),
        ..transport::TransportConfig::default()
    };
    let schema = graphql::schema(Arc::clone(app));
    let authenticator = Arc::new(Authenticator(Arc::clone(app)));
    transport::router(schema, &graphql::sdl(), authenticator, config)
}

/// Everything that goes on while the server serves.
async fn run_background(app: Arc<App>) {
    tokio::join!(
        app.events.run(),
        app.store.follow_commits(),
        reconcile(&app),
        end_sign_ins(&app),
        sweep(&app),
        write_last_uses(&app),
        prune(&app),
    );
}

/// Reconciles while this process leads.
async fn reconcile(app: &Arc<App>) {
    loop {
        let mut leadership = app.store.lead().await;
        let reconciler = Reconciler::new(Arc::clone(app));
        let watch = Watch::new(Arc::clone(app));
        // Apart from the reconciler: dropped with leadership, it ends.
        let mut watching = JoinSet::new();
        watching.spawn(async move { watch.run().await });
        tokio::select! {
            () = Arc::clone(&reconciler).run() => {}
            () = leadership.lost() => tracing::warn!("another replica reconciles from now on"),
        }
        reconciler.stop();
    }
}

/// Ends what runs on sign-ins that were ended, or with what a user may no longer do, by whichever
/// replica that was changed.
async fn end_sign_ins(app: &App) {
    let mut events = pin!(app.events.keep_following(app.events.tail()));
    while let Some(event) = events.next().await {
        match event.body {
            EventBody::SignInEnded { sign_in, .. } => app.sign_ins.end(sign_in),
            EventBody::Access { user_id } => app.sign_ins.interrupt(user_id),
            _ => {}
        }
    }
}

async fn sweep(app: &App) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        app.sign_ins.sweep(app.clock.now());
    }
}

async fn write_last_uses(app: &App) {
    let mut ticks = tokio::time::interval(last_use::WRITE);
    loop {
        ticks.tick().await;
        let uses = app.last_uses.take();
        if let Err(error) = app.store.write_last_uses(&uses).await {
            tracing::warn!(%error, "can't write when credentials were last used");
        }
    }
}

async fn prune(app: &App) {
    let mut ticks = tokio::time::interval(PRUNE);
    loop {
        ticks.tick().await;
        let before = app.clock.now().before(EVENTS_KEPT);
        if let Err(error) = app.store.prune_events(before, EVENTS_KEPT_MIN).await {
            tracing::warn!(%error, "can't forget old events");
        }
        if let Err(error) = app.store.prune_sessions(before).await {
            tracing::warn!(%error, "can't forget old sign-ins");
        }
        if let Err(error) = app.store.prune_app_codes(app.clock.now()).await {
            tracing::warn!(%error, "can't forget unused codes");
        }
        if let Err(error) = app.store.prune_cli_codes(app.clock.now()).await {
            tracing::warn!(%error, "can't forget unused codes of command lines");
        }
    }
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::error!(%error, "can't listen for SIGTERM");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
