//! What is asked of the API: `graphql/operations.graphql`, checked against `schema.graphql` and
//! turned into types when this is compiled. Each operation has a module of its own types.

use graphql_client::GraphQLQuery;

use super::Problem;

/// RFC 3339, as the API writes it.
type DateTime = String;

/// Makes a type for each operation, whose module has the same name in snake case.
macro_rules! operations {
    ($($operation:ident,)+) => {$(
        #[derive(Clone, Copy, Debug, GraphQLQuery)]
        #[graphql(
            schema_path = "../schema.graphql",
            query_path = "graphql/operations.graphql",
            variables_derives = "Clone, Debug",
            response_derives = "Clone, Debug, Serialize, PartialEq",
            fragments_other_variant = "true"
        )]
        pub struct $operation;
    )+};
}

operations!(
    SignIn,
    RedeemCliCode,
    SignOut,
    Viewer,
    QuotaOfViewer,
    ListKeys,
    AddKey,
    RemoveKey,
    ListTemplates,
    ListSpaces,
    FindSpace,
    ListSshHosts,
    CreateSpace,
    StartSpace,
    StopSpace,
    RestartSpace,
    DeleteSpace,
    SpaceChanged,
    SpacesChanged,
    SpaceLogs,
    OpenApp,
    ShareSpace,
    UnshareSpace,
    ListTunnels,
    CreateTunnel,
    DeleteTunnel,
);

/// The spelling of an enumeration's member, also of one that is younger than this program.
pub fn spelled(member: &impl serde::Serialize) -> String {
    match serde_json::to_value(member) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// The problems of these operations are one type.
macro_rules! problems {
    ($($module:ident,)+) => {$(
        impl From<$module::ProblemFields> for Problem {
            fn from(fields: $module::ProblemFields) -> Self {
                Self {
                    code: spelled(&fields.code),
                    message: fields.message,
                    path: fields.path.unwrap_or_default(),
                }
            }
        }
    )+};
}

problems!(
    sign_in,
    redeem_cli_code,
    sign_out,
    add_key,
    remove_key,
    create_space,
    start_space,
    stop_space,
    restart_space,
    delete_space,
    open_app,
    share_space,
    unshare_space,
    create_tunnel,
    delete_tunnel,
);
