/** Queries and mutations. Nothing is cached: what is live comes by feeds, the rest is asked for. */

import { Client, fetchExchange, mapExchange, type CombinedError } from "urql";

export const GRAPHQL_PATH = "/graphql";

/** No answer takes that long. Of a connection that died silently, browsers learn after a quarter of an hour. */
const TIMEOUT_MS = 60_000;

export function createApi(token: string | undefined, signInEnded: () => void): Client {
  return new Client({
    url: GRAPHQL_PATH,
    preferGetMethod: false,
    requestPolicy: "network-only",
    fetchOptions: requestOf(token),
    fetch: fetchInTime,
    exchanges: [
      mapExchange({ onError: (error) => void (isUnauthenticated(error) && signInEnded()) }),
      fetchExchange,
    ],
  });
}

/** How everything is asked by who has a token, or none. */
export function requestOf(token: string | undefined): RequestInit {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  return { headers, credentials: "omit", cache: "no-store" };
}

const fetchInTime: typeof fetch = (input, init) => {
  const signals = [AbortSignal.timeout(TIMEOUT_MS), init?.signal].filter((it) => it != null);
  return fetch(input, { ...init, signal: AbortSignal.any(signals) });
};

export function isUnauthenticated(error: CombinedError): boolean {
  const { graphQLErrors } = error;
  return graphQLErrors.some(({ extensions }) => extensions["code"] === "UNAUTHENTICATED");
}

/** What failed, for a person. */
export function faultOf(error: CombinedError): string {
  if (error.networkError) {
    return "Spaceport couldn’t be reached. Try again.";
  }
  const [first] = error.graphQLErrors;
  const { message = "Something is broken.", extensions = {} } = first ?? {};
  const id = extensions["requestId"];
  return typeof id === "string" ? `${message} (request ${id})` : message;
}
