/** Carries what is asked in GraphiQL to the API: subscriptions by a WebSocket, all else by HTTP. */

import type { Fetcher, FetcherOpts, FetcherParams, Observable } from "@graphiql/toolkit";
import { getOperationAST, type ExecutionResult } from "graphql";
import { createClient } from "graphql-ws";

import * as kept from "../../shared/token";

const GRAPHQL_PATH = "/graphql";

export const ask: Fetcher = (params, options) => {
  const headers = headersFor(options?.headers, kept.read());
  return isSubscription(params, options) ? follow(params, headers) : post(params, headers);
};

/** Those of the headers editor; where they don't say who asks, it is who is signed in. */
export function headersFor(written: FetcherOpts["headers"], token: string | undefined): Headers {
  const headers = new Headers(written);
  if (token !== undefined && !headers.has("authorization")) headers.set("authorization", `Bearer ${token}`);
  return headers;
}

function isSubscription({ operationName }: FetcherParams, options: FetcherOpts | undefined): boolean {
  const document = options?.documentAST;
  return document !== undefined && getOperationAST(document, operationName)?.operation === "subscription";
}

async function post(params: FetcherParams, headers: Headers): Promise<ExecutionResult> {
  headers.set("content-type", "application/json");
  const body = JSON.stringify(params);
  const response = await fetch(GRAPHQL_PATH, { method: "POST", headers, body, credentials: "omit", cache: "no-store" });
  return (await response.json()) as ExecutionResult;
}

/** What happens, until nobody listens any more. A lost connection is said: what was missed isn't known. */
function follow({ query, variables, operationName }: FetcherParams, headers: Headers): Observable<ExecutionResult> {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const client = createClient({
    url: `${scheme}//${location.host}${GRAPHQL_PATH}`,
    connectionParams: { authorization: headers.get("authorization") },
    retryAttempts: 0,
  });
  return {
    subscribe: (sink: Sink) => {
      const error = (cause: unknown): void => sink.error(inWords(cause));
      return { unsubscribe: client.subscribe({ query, variables, operationName }, { ...sink, error }) };
    },
  } as Observable<ExecutionResult>;
}

interface Sink {
  next: (result: ExecutionResult) => void;
  error: (cause: unknown) => void;
  complete: () => void;
}

/** GraphiQL shows an error's fields, of which the end of a connection has none. */
function inWords(cause: unknown): unknown {
  if (!(cause instanceof CloseEvent)) return cause;
  return { message: `The connection has ended (${cause.code} ${cause.reason}).` };
}
