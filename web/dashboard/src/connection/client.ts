/** Queries and mutations. Nothing is cached: what is live comes by feeds, the rest is asked for. */

import { Client, fetchExchange, mapExchange, type CombinedError } from "urql";

export const GRAPHQL_PATH = "/graphql";

export function createApi(token: string | undefined, signInEnded: () => void): Client {
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  return new Client({
    url: GRAPHQL_PATH,
    preferGetMethod: false,
    requestPolicy: "network-only",
    fetchOptions: { headers, credentials: "omit", cache: "no-store" },
    exchanges: [
      mapExchange({ onError: (error) => void (isUnauthenticated(error) && signInEnded()) }),
      fetchExchange,
    ],
  });
}

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
