/** The WebSocket to the API, made again whenever it is lost, and the feeds that it carries. */

import { createClient, type Client } from "graphql-ws";
import type { TadaDocumentNode } from "gql.tada";
import { stringifyDocument } from "urql";

import { Cell } from "../live/cell";
import { waitMs } from "./backoff";

/** Silence after which the API is asked for a sign of life, and how long it has for it. */
const SILENCE_MS = 10_000;
const PONG_MS = 5_000;
/** How long an attempt to connect may take: where nobody is, nobody says no either. */
export const ATTEMPT_MS = 10_000;
/** Close codes that say that the token may not hold any more, or that it may do something else now. */
const SIGN_IN_DOUBTED = [4401, 4403];
/** What the server can't do now is asked again; anything else was said about a feed for good. */
const PASSING = ["UNAUTHENTICATED", "UNAVAILABLE", "TIMEOUT", "INTERNAL", "RATE_LIMITED"];

export type LinkState = "connecting" | "live" | "waiting";

/** One subscription that goes on over lost connections. */
export interface Feed<Data, Variables> {
  document: TadaDocumentNode<Data, Variables>;
  /** Asked at each beginning, so that it can say where to resume. */
  variables: () => Variables;
  begins?: () => void;
  takes: (data: Data) => void;
}

export class Link {
  readonly state = new Cell<LinkState>("connecting");
  /** When the API was last heard of; what is shown is of no earlier time. */
  lastHeard = new Date();
  readonly #client: Client;
  readonly #waiting = new Set<() => void>();
  readonly #doubtSignIn: () => void;
  #isConnected = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  /** `doubtSignIn` is called when it is to be looked whether the token holds. */
  constructor(url: string, token: string, doubtSignIn: () => void) {
    this.#doubtSignIn = doubtSignIn;
    let pong: ReturnType<typeof setTimeout> | undefined;
    let attempt: ReturnType<typeof setTimeout> | undefined;
    this.#client = createClient({
      url,
      connectionParams: { authorization: `Bearer ${token}` },
      // Feeds resume where they stand, which the client's own repetition can't.
      retryAttempts: 0,
      keepAlive: SILENCE_MS,
      on: {
        connecting: () => {
          attempt = setTimeout(() => this.#client.terminate(), ATTEMPT_MS);
        },
        connected: () => {
          clearTimeout(attempt);
          this.#isConnected = true;
          this.#failures = 0;
          this.state.set("live");
        },
        message: () => void (this.lastHeard = new Date()),
        ping: (isReceived) => {
          if (!isReceived) pong = setTimeout(() => this.#client.terminate(), PONG_MS);
        },
        pong: (isReceived) => {
          if (isReceived) clearTimeout(pong);
        },
        closed: () => {
          this.#isConnected = false;
          clearTimeout(pong);
          clearTimeout(attempt);
        },
      },
    });
    window.addEventListener("online", this.hurry);
    window.addEventListener("offline", this.#suspect);
    document.addEventListener("visibilitychange", this.hurry);
  }

  /** Follows a feed until what it returns is called. */
  follow<Data, Variables>(feed: Feed<Data, Variables>): () => void {
    let stop = (): void => {};
    let isStopped = false;
    const again = (): void => {
      if (!isStopped) this.later(begin);
    };
    const refused = (cause: unknown): void => {
      const code = codeOf(cause);
      if (code === "UNAUTHENTICATED") this.#doubtSignIn();
      if (code === undefined || PASSING.includes(code)) return again();
      isStopped = true;
    };
    const begin = (): void => {
      if (isStopped || this.#isClosed) return;
      feed.begins?.();
      const query = stringifyDocument(feed.document);
      const variables = feed.variables() as Record<string, unknown>;
      stop = this.#client.subscribe<Data>(
        { query, variables },
        {
          next: ({ data, errors }) => {
            if (data) feed.takes(data);
            else if (errors) refused(errors);
          },
          error: refused,
          // No feed comes to its end by itself; where its thing is gone, it is told so the next time.
          complete: again,
        },
      );
    };
    begin();
    return () => {
      isStopped = true;
      this.#waiting.delete(begin);
      stop();
    };
  }

  /** Begins something again after a while. All that waits does so together: it was lost together. */
  later(begin: () => void): void {
    if (this.#isClosed) return;
    this.#waiting.add(begin);
    // Also where it is waited already, for what ended while there was a connection.
    if (!this.#isConnected) this.state.set("waiting");
    if (this.#timer !== undefined) return;
    this.#failures += 1;
    this.#timer = setTimeout(this.#retry, waitMs(this.#failures, Math.random()));
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    window.removeEventListener("online", this.hurry);
    window.removeEventListener("offline", this.#suspect);
    document.removeEventListener("visibilitychange", this.hurry);
    // It waits for a connection that is being made, and nobody does for how that ends.
    Promise.resolve(this.#client.dispose()).catch(() => {});
  }

  readonly #retry = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    if (waiting.length === 0) return;
    if (!this.#isConnected) this.state.set("connecting");
    waiting.forEach((begin) => begin());
  };

  /** Tries now what would be tried later. What is being tried already is soon tried again if it fails. */
  readonly hurry = (): void => {
    if (document.hidden) return;
    this.#failures = 0;
    this.#retry();
  };

  /** A browser that says it is offline is believed, but asked again. */
  readonly #suspect = (): void => this.#client.terminate();
}

/** What an operation or the connection ended with; nothing where it was just lost. */
function codeOf(cause: unknown): string | undefined {
  if (Array.isArray(cause)) {
    const [first] = cause as { extensions?: { code?: unknown } }[];
    const code = first?.extensions?.code;
    return typeof code === "string" ? code : "UNKNOWN";
  }
  const close = cause as { code?: unknown } | null;
  return SIGN_IN_DOUBTED.includes(Number(close?.code)) ? "UNAUTHENTICATED" : undefined;
}
