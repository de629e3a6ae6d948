//! Running operations, whatever protocol they came by.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{Executor, Request, Variables, parser::types::OperationType};
use futures_util::{
    FutureExt as _, StreamExt as _,
    stream::{self, BoxStream},
};
use tracing::Instrument as _;

use super::{
    auth::Authenticated,
    documents::{Document, Documents},
    fanout::{self, Fanouts, Key, Run, Start},
    fault::{Code, Fault},
    limits::TransportLimits,
    outcome::Outcome,
    params::{Params, has_zero_byte, variables_bytes},
    position::Position,
    validation::Rules,
    variables,
};

/// Runs operations within the limits.
pub(super) struct Operations<E> {
    executor: E,
    documents: Documents,
    fanouts: Arc<Fanouts>,
    variable_bytes: usize,
    timeout: Duration,
}

/// An operation that may run.
pub(super) struct Operation {
    pub(super) kind: OperationType,
    document: Arc<Document>,
    /// Without the text of the document.
    params: Params,
    caller: Authenticated,
    request_id: Arc<str>,
}

impl Operation {
    fn request(&self, variables: Variables) -> Request {
        // What is run is the parsed document, so nobody needs the text.
        let mut request = Request::new(String::new()).variables(variables);
        request
            .operation_name
            .clone_from(&self.params.operation_name);
        request.extensions = self.params.extensions.clone();
        request.data = self.caller.operation_data();
        if !self.caller.introspection {
            request = request.disable_introspection();
        }
        request.set_parsed_query(self.document.parsed.clone());
        request
    }

    /// What makes another operation the same as this one, when that can be said.
    fn key(&self) -> Option<Key> {
        Some(Key {
            view: self.caller.view?,
            document: Arc::as_ptr(&self.document).addr(),
            operation_name: self.params.operation_name.clone(),
            variables: serde_json::to_string(&self.params.variables).ok()?,
        })
    }
}

impl<E: Executor> Operations<E> {
    pub(super) fn new(executor: E, rules: Rules, limits: &TransportLimits) -> Self {
        Self {
            executor,
            documents: Documents::new(rules, limits),
            fanouts: Arc::default(),
            variable_bytes: limits.document.variable_bytes,
            timeout: limits.execution_timeout,
        }
    }

    /// Parses, weighs and validates what is asked for.
    pub(super) fn prepare(
        &self,
        mut params: Params,
        caller: &Authenticated,
        request_id: &Arc<str>,
    ) -> Result<Operation, Fault> {
        let document = self.documents.get(&params.query)?;
        let operation = document.operation(params.operation_name.as_deref())?;
        let kind = operation.ty;
        if document.weight.schema_reads > 0 && !caller.introspection {
            let message = "The schema is for those who are signed in.";
            return Err(Fault::new(Code::Unauthenticated, message));
        }
        if document.weight.zero_bytes > 0 || has_zero_byte(&params.variables) {
            // Postgres keeps no such text, and nothing of ours needs one.
            let message = "A text must not contain a zero byte.";
            return Err(Fault::new(Code::BadUserInput, message));
        }
        let copied =
            variables_bytes(&params.variables).saturating_mul(document.weight.variable_uses);
        if copied > self.variable_bytes {
            return Err(Fault::too_complex("variableBytes", self.variable_bytes));
        }
        variables::check(self.documents.schema(), operation, &params.variables)?;
        params.query = String::new();
        Ok(Operation {
            kind,
            document,
            params,
            caller: caller.clone(),
            request_id: Arc::clone(request_id),
        })
    }

    /// Runs a query or a mutation. A query stops when the returned future is dropped; a mutation
    /// goes on, so that a caller who hangs up leaves nothing half done.
    pub(super) fn execute(
        &self,
        mut operation: Operation,
    ) -> impl Future<Output = Outcome> + Send + 'static {
        let executor = self.executor.clone();
        let timeout = self.timeout;
        let detached = operation.kind == OperationType::Mutation;
        let variables = std::mem::take(&mut operation.params.variables);
        let request = operation.request(variables);
        let request_id = operation.request_id;
        let running = async move { executor.execute(request).await };
        let running = AssertUnwindSafe(running).catch_unwind();
        async move {
            let result = if detached {
                let task = tokio::spawn(running.instrument(tracing::Span::current()));
                tokio::time::timeout(timeout, task)
                    .await
                    .map(|joined| joined.unwrap_or_else(|error| Err(Box::new(error))))
            } else {
                tokio::time::timeout(timeout, running).await
            };
            let fault = match result {
                Ok(Ok(response)) => return Outcome::new(response, &request_id),
                Ok(Err(_)) => panicked(&request_id),
                Err(_) => Fault::new(Code::Timeout, "The operation took too long."),
            };
            Outcome::refused(fault, &request_id)
        }
    }

    /// Runs any operation. A query or a mutation is a stream of one.
    pub(super) fn stream(&self, operation: Operation) -> BoxStream<'static, Outcome> {
        if operation.kind != OperationType::Subscription {
            return stream::once(self.execute(operation)).boxed();
        }
        let key = operation.key();
        let executor = self.executor.clone();
        let start: Start = Arc::new(move |resume| run(&executor, &operation, resume));
        match key {
            Some(key) => fanout::follow(Arc::clone(&self.fanouts), key, start),
            None => start(None).outcomes,
        }
    }
}

/// Starts a subscription, behind a place in the order of its events where one is given.
fn run<E: Executor>(executor: &E, operation: &Operation, resume: Option<i64>) -> Run {
    let position = Position::new(resume);
    let mut request = operation.request(operation.params.variables.clone());
    request.data.insert(position.clone());
    let request_id = Arc::clone(&operation.request_id);
    let results = executor.execute_stream(request, None);
    let outcomes = AssertUnwindSafe(results)
        .catch_unwind()
        .map(move |result| match result {
            Ok(response) => Outcome::new(response, &request_id),
            Err(_) => Outcome::refused(panicked(&request_id), &request_id),
        });
    Run {
        outcomes: outcomes.boxed(),
        position,
    }
}

fn panicked(request_id: &str) -> Fault {
    tracing::error!(request.id = request_id, "a resolver panicked");
    Fault::internal()
}
