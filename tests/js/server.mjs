// The server under test: plain requests, and the reference clients of both protocols.

import { createClient as createSse } from 'graphql-sse';
import { createClient as createWs } from 'graphql-ws';
import WebSocket from 'ws';

export const bearer = (token) => `Bearer ${token}`;

/** One request by POST, and its whole answer. */
export async function ask(url, token, query, variables = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      accept: 'application/graphql-response+json',
      'content-type': 'application/json',
      ...(token ? { authorization: bearer(token) } : {}),
    },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

/** The data of a request that must succeed. */
export async function data(url, token, query, variables) {
  const { data, errors } = await ask(url, token, query, variables);
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** The reference client of graphql-transport-ws. */
export const overWebSocket = (url, token, options = {}) =>
  createWs({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { authorization: bearer(token) },
    ...options,
  });

/** The reference client of graphql-sse, in the mode of distinct connections. */
export const overEventStream = (url, token) =>
  createSse({ url, retryAttempts: 0, headers: { authorization: bearer(token) } });

/** All results of an operation that ends. */
export async function results(client, query, variables) {
  const all = [];
  for await (const result of client.iterate({ query, variables })) all.push(result);
  client.dispose();
  return all;
}
