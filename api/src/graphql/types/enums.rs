//! Enumerations, spelled as in the domain.

use async_graphql::Enum;

/// Where a space is in its life.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "spaceport_domain::lifecycle::Status")]
pub enum SpaceStatus {
    /// Made, never started.
    Created,
    /// A container is being made and started.
    Starting,
    /// The container runs.
    Running,
    /// The container is being stopped and removed.
    Stopping,
    /// No container; the volumes are kept.
    Stopped,
    /// The container and the volumes are being removed.
    Deleting,
    /// Nothing is left but the record.
    Deleted,
}

/// What the owner of a space last asked for.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "spaceport_domain::lifecycle::Desired")]
pub enum DesiredStatus {
    /// It should run, also after a restart of the host.
    Running,
    /// It should not run.
    Stopped,
    /// It should be gone, with its volumes.
    Deleted,
}

/// Why a space stopped although it should run.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "spaceport_domain::lifecycle::FailureCode")]
pub enum FailureCode {
    /// The engine has no such image and can't get one.
    ImageMissing,
    /// A registry refused to hand out the image.
    PullDenied,
    /// The image holds no such command.
    CommandNotFound,
    /// The command exists but can't be executed.
    CommandNotExecutable,
    /// The command ended within seconds of its start.
    ExitedEarly,
    /// The command ended while the space was running.
    Exited,
    /// The kernel ended a process because the space's memory was used up.
    OomKilled,
    /// A port of the host that the space needs is in use.
    PortTaken,
    /// Something that is not Spaceport's holds the container's name.
    NameTaken,
    /// The image's health check failed.
    Unhealthy,
    /// The space didn't run within the time allowed for a start.
    StartTimeout,
    /// The container engine couldn't be reached.
    EngineUnavailable,
    /// Somebody removed the container behind Spaceport's back.
    ContainerRemoved,
    /// A volume couldn't be made or attached.
    VolumeFailed,
    /// The engine refused for a reason that has no code of its own; the message tells.
    EngineError,
}

/// A way into a space, or something it offers.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "spaceport_domain::template::Feature")]
pub enum Feature {
    /// A terminal in the browser.
    Terminal,
    /// SSH with the stock client.
    Ssh,
    /// The editor in the browser.
    CodeServer,
    /// Visual Studio Code's own tunnel.
    VscodeTunnel,
    /// A desktop in the browser.
    Vnc,
    /// Ports of the space, in the browser behind a sign-in and on the user's own machine.
    PortForward,
    /// Public hostnames for ports of the space.
    Tunnels,
    /// Copying files in and out.
    Files,
}

/// Why a feature of a space can't be used.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "spaceport_domain::access::FeatureBar")]
pub enum FeatureBar {
    /// The space's template doesn't enable it.
    TemplateDisabled,
    /// Sharing a space doesn't include it.
    NotShared,
    /// None of the viewer's roles allows it.
    PermissionMissing,
    /// This version of Spaceport doesn't carry it.
    NotSupported,
    /// The space's image has no program for it, as the space's agent says.
    NotInImage,
}

/// What a role allows.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "spaceport_domain::access::Permission")]
pub enum Permission {
    /// Have spaces of one's own: make them, and get them from others.
    CreateSpaces,
    /// Share one's own spaces with others.
    ShareSpaces,
    /// Open terminals in the browser.
    UseTerminal,
    /// Use SSH.
    UseSsh,
    /// Use the editor in the browser.
    UseCodeServer,
    /// Use Visual Studio Code's own tunnel.
    UseVscodeTunnel,
    /// Use the desktop in the browser.
    UseVnc,
    /// Reach ports of a space from one's own machine.
    UsePortForward,
    /// Make public hostnames for ports of a space.
    UseTunnels,
    /// Copy files in and out.
    UseFiles,
    /// See and manage everybody's spaces and tunnels, without going into the spaces.
    ManageSpaces,
    /// Go into everybody's spaces: use their features as their owners do.
    EnterSpaces,
    /// Make, change and delete templates.
    ManageTemplates,
    /// Make, change and delete users, and say which roles and groups they have.
    ManageUsers,
    /// Make, change and delete groups.
    ManageGroups,
    /// Make, change and delete roles.
    ManageRoles,
    /// Read the audit log.
    ViewAuditLog,
}

/// What a token may be used for. It never can do more than its user.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "spaceport_domain::scope::Scope")]
pub enum ApiTokenScope {
    /// See what the user sees of their own. Every other scope includes it.
    Read,
    /// Make, change, run and delete spaces and tunnels.
    Spaces,
    /// Change the user's own account: password, sign-ins, tokens, SSH keys.
    Account,
    /// Use what the user's roles allow beyond what is their own: see and change what belongs to
    /// others, templates, users, groups and the audit log.
    Administration,
}

/// What a quota counts.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "spaceport_domain::quota::Resource")]
pub enum QuotaResource {
    /// Spaces that are not deleted.
    Spaces,
    /// Compute units of spaces that are starting, running or stopping.
    ComputeUnits,
    /// GiB of declared volume size of spaces that are not deleted.
    StorageUnits,
    /// Tunnels.
    Tunnels,
}

/// The code of a problem. Codes are never renamed or reused.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "spaceport_domain::problem::ProblemCode")]
pub enum ProblemCode {
    /// A value is not acceptable; the path names it.
    InvalidInput,
    /// The thing doesn't exist, or the caller may not know that it does.
    NotFound,
    /// The caller may know of the thing but may not do this.
    Forbidden,
    /// User name or password is wrong.
    InvalidCredentials,
    /// The name is in use.
    NameTaken,
    /// The SSH key is in use.
    KeyTaken,
    /// The thing's state doesn't allow this now.
    InvalidTransition,
    /// The user still has spaces.
    HasSpaces,
    /// Nobody would be left who may manage users.
    LastManager,
    /// A limit would be passed.
    QuotaExceeded,
    /// The template is deleted or not offered to the caller.
    TemplateUnavailable,
    /// The space's template doesn't enable the feature.
    FeatureDisabled,
    /// The template's image has no program for the feature.
    FeatureUnavailable,
    /// The container engine can't be reached.
    EngineUnavailable,
    /// The thing changed since the caller read it.
    RevisionConflict,
    /// Too many attempts; try again later.
    RateLimited,
}

/// Where a line was written.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "crate::engine::LogStream")]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What an event says of a space.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpaceChange {
    /// The space as it is when the subscription begins.
    Snapshot,
    /// What was missed is no longer kept, or what the viewer may see has changed: forget what you
    /// know, snapshots follow.
    Reset,
    /// It was made.
    Created,
    /// Its status or desired status changed.
    Status,
    /// Something else about it changed.
    Updated,
    /// Whom it is shared with changed. For who could not see it before, it begins with this.
    Shares,
    /// It has another owner. For who could not see it before, it begins with this.
    Owner,
    /// How its apps are changed. Its revision stays.
    Apps,
    /// The viewer may not see it any more: forget it.
    Lost,
    /// It is gone.
    Deleted,
}

/// What the viewer is to a space.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "spaceport_domain::access::Relation")]
pub enum SpaceRelation {
    /// It is theirs.
    Owner,
    /// Its owner shares it with them: they may see it, and use its terminal and SSH.
    Shared,
    /// They manage everybody's spaces.
    Administrator,
}

/// What an event says of a tunnel.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelChange {
    /// The tunnel as it is when the subscription begins.
    Snapshot,
    /// What was missed is no longer kept, or what the viewer may see has changed: forget what you
    /// know, snapshots follow.
    Reset,
    /// It was made.
    Created,
    /// It was renamed, enabled or disabled, or leads to another port.
    Updated,
    /// It is gone.
    Deleted,
}

/// How a message of the route feed is to be applied.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "spaceport_domain::route::RouteChange")]
pub enum RouteChange {
    /// The message is the whole table.
    Snapshot,
    /// The message replaces what is known of the spaces and people it names.
    Spaces,
}
